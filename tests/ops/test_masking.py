"""Masks: what they keep, what they fill, and which of them no bound can hold."""

import pytest
import torch
from torch import nn

from hauberk.capture import capture
from hauberk.errors import UnsupportedOpError
from hauberk.ops.masking import Masked, Merged


class Net(nn.Module):
    """A function of the input."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x).flatten(1)


def test_rows_reach_what_the_mask_kept():
    mask, rows = torch.tensor([1.0, 0.0]), torch.tensor([[3.0, 5.0]])
    assert Masked(mask, torch.tensor(7.0))(torch.tensor([[2.0, 4.0]])).tolist() == [[2, 7]]
    assert Masked(mask, torch.tensor(7.0)).pull_back(rows, [(2,)])[0].tolist() == [[3, 0]]
    assert [part.tolist() for part in Merged(mask).pull_back(rows, [(2,), (2,)])] == [[[3, 0]], [[0, 5]]]


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: torch.where(x > 0, x, 0.0), "a step"),
        (lambda x: x.masked_fill(torch.eye(3).bool(), -torch.inf), "fills with -inf"),
        (lambda x: x[:, 0].tril(), "the batch for rows"),
    ],
)
def test_masks_that_depend_on_the_input_or_are_infinite_are_refused(unchecked, function, reason):
    with pytest.raises(UnsupportedOpError, match=reason):
        capture(Net(function), torch.rand(2, 3, 3))
