"""Sums and means over dimensions, never over the batch."""

import pytest
import torch
from torch import nn

from hauberk.capture import capture
from hauberk.errors import UnsupportedOpError
from hauberk.ops.reduction import Reduction


class Net(nn.Module):
    """A function of the input."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x)


@pytest.mark.parametrize("keepdim", [False, True])
def test_rows_are_repeated_and_divided(keepdim):
    rows = torch.tensor([[2.0, 4.0]]).view((1, 1, 2) if keepdim else (1, 2))
    mean, total = (Reduction((1,), keepdim, mean, 2) for mean in (True, False))
    assert mean.pull_back(rows, [(2, 2)])[0].tolist() == [[[1, 2], [1, 2]]]
    assert total.pull_back(rows, [(2, 2)])[0].tolist() == [[[2, 4], [2, 4]]]
    assert mean(torch.tensor([[[1.0, 2.0], [3.0, 8.0]]])).flatten().tolist() == [2, 5]


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: x - x.mean(0, keepdim=True), "only the first may be the batch"),
        (lambda x: x - x.mean(), "only the first may be the batch"),
        (lambda x: x - x.sum((0, 1)), "only the first may be the batch"),
        (lambda x: x.sum(1, keepdim=True, dtype=torch.float64), "precision"),
    ],
)
def test_sums_over_the_batch_or_in_another_precision_are_refused(unchecked, function, reason):
    with pytest.raises(UnsupportedOpError, match=reason):
        capture(Net(function), torch.rand(2, 3))
