"""Casts that change nothing are no nodes; those that change the precision are refused, whatever they are part of."""

import pytest
import torch
from torch import nn

from hauberk.capture import capture
from hauberk.errors import UnsupportedOpError


class Net(nn.Module):
    """A function of the input."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


def test_a_cast_to_the_same_type_is_no_node():
    graph = capture(Net(lambda x: 2 * x.float().to(x.device).type_as(x)), torch.rand(2, 3))
    assert len(graph.nodes) == 1


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x.double().float(),
        lambda x: x.half().float(),
        lambda x: x.int().float(),
        lambda x: x * torch.ones(3, dtype=torch.float64),
        lambda x: x.sum(1, keepdim=True, dtype=torch.float64),
    ],
)
def test_another_precision_is_refused(unchecked, function):
    with pytest.raises(UnsupportedOpError, match=r"it turns torch.float32 into torch\.\w+: compute in one precision"):
        capture(Net(function), torch.rand(2, 3))
