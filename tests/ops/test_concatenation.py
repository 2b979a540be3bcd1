"""Concatenation and stacking: rows are dealt out again, and what is not perturbed gets none."""

import pytest
import torch
from torch import nn

from hauberk.capture import capture
from hauberk.errors import UnsupportedOpError
from hauberk.ops.concatenation import Concatenation, Stack


class Net(nn.Module):
    """A function of the input and of a constant."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.constant = nn.Parameter(torch.ones(1, 2))

    def forward(self, x):
        return self.function(x, self.constant.expand(x.shape[0], -1)).flatten(1)


def test_rows_are_dealt_out_to_the_perturbed_operands_alone():
    op = Concatenation((None, torch.tensor([[7.0, 8.0]]), None), 1)
    first, second = torch.tensor([[1.0], [2.0]]), torch.tensor([[3.0, 4.0], [5.0, 6.0]])
    assert op(first, second).tolist() == [[1, 7, 8, 3, 4], [2, 7, 8, 5, 6]]
    assert op.absolute(first, second).tolist() == [[1, 0, 0, 3, 4], [2, 0, 0, 5, 6]]
    assert op.offset([(1,), (2,)], first).tolist() == [[0, 7, 8, 0, 0]]
    pulled = op.pull_back(torch.tensor([[1.0, 2, 3, 4, 5]]), [(1,), (2,)])
    assert [p.tolist() for p in pulled] == [[[1.0]], [[4.0, 5.0]]]


def test_rows_of_a_stack_are_taken_apart():
    pulled = Stack(2).pull_back(torch.tensor([[[1.0, 2.0], [3.0, 4.0]]]), [(2,), (2,)])
    assert [p.tolist() for p in pulled] == [[[1.0, 3.0]], [[2.0, 4.0]]]


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x, c: torch.cat([x, x], 0)[: x.shape[0]], "only the first may be the batch"),
        (lambda x, c: torch.cat([x, x.sinc()], 1), "sinc"),
    ],
)
def test_what_cannot_be_joined_is_refused(unchecked, function, reason):
    with pytest.raises(UnsupportedOpError, match=reason):
        capture(Net(function), torch.rand(2, 2))


def test_a_refused_part_hides_no_other_fault():
    with pytest.raises(UnsupportedOpError) as refusal:
        capture(Net(lambda x, c: torch.cat([x.sinc(), x], 1).lgamma()), torch.rand(2, 2))
    assert len([line for line in str(refusal.value).splitlines() if line.startswith("  aten.")]) == 2
