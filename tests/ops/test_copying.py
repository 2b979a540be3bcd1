"""Slices, repetitions, reorderings: every example keeps its own elements."""

import pytest
import torch
from torch import nn

from hauberk.capture import capture
from hauberk.concepts.lowering import Value
from hauberk.errors import UnsupportedOpError
from hauberk.ops.copying import Copying, lowered


class Net(nn.Module):
    """A function of the input."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.constant = nn.Parameter(torch.ones(1, 1, 3))

    def forward(self, x):
        return self.function(self, x).flatten(1)


def test_an_element_is_counted_once_for_every_place_that_it_goes_to():
    node = lowered(lambda z: torch.cat([z, z[:, :2], z[:, :1]], 1), Value(0, (4,)), (7,))
    op = node.make()
    assert isinstance(op, Copying)
    assert op.copies == 3
    assert (op.roundings, op.roundings_back) == (0, 3)
    assert op.pull_back(torch.tensor([[1.0, 2, 3, 4, 5, 6, 7]]), [(4,)])[0].tolist() == [[13.0, 8.0, 3.0, 4.0]]


def test_what_moves_nothing_is_no_node():
    graph = capture(Net(lambda m, x: x[:, :, :].expand(x.shape[0], 2, 3).narrow(1, 0, 2) * 2), torch.rand(2, 2, 3))
    assert len(graph.nodes) == 2


@pytest.mark.parametrize(
    "function",
    [
        lambda z: z.flip(0),
        lambda z: z.flip(0, 1),
        lambda z: z[:1].expand_as(z),
        lambda z: z.flatten().roll(1).view_as(z),
    ],
)
def test_no_element_may_move_to_another_example(function):
    with pytest.raises(UnsupportedOpError, match="between the examples"):
        lowered(function, Value(0, (2, 3)), (2, 3))


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda m, x: x.flip(0), "between the examples"),
        (lambda m, x: x[0], "only the first may be the batch"),
        (lambda m, x: x.repeat(2, 1, 1), "only the first may be the batch"),
    ],
)
def test_what_is_not_the_examples_own_is_refused(unchecked, function, reason):
    with pytest.raises(UnsupportedOpError, match=reason):
        capture(Net(function), torch.rand(2, 2, 3))


def after(view):
    """Overwrite a view of y, then read y."""

    def run(m, x):
        y = x * 2 - 1
        view(y).relu_()
        return y

    return run


VIEWS = {
    "slice": lambda y: y[:, :, :2],
    "select": lambda y: y[:, 1],
    "narrow": lambda y: y.narrow(1, 0, 1),
    "expand": lambda y: y[:, :1].expand(-1, 1, 3),
    "movedim": lambda y: y.movedim(1, 2),
    "mT": lambda y: y.mT,
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_a_value_of_which_a_part_was_overwritten_is_refused(unchecked, view):
    with pytest.raises(UnsupportedOpError, match="read elsewhere"):
        capture(Net(after(view)), torch.ones(2, 2, 3))  # where the overwriting shows in no value
