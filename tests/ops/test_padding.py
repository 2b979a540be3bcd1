"""Padding: which elements go where."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hauberk.capture import capture
from hauberk.errors import UnsupportedOpError
from hauberk.ops.padding import Padding


class Net(nn.Module):
    """A function of the input."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, x):
        return self.function(x).flatten(1)


@pytest.mark.parametrize(
    ("mode", "value", "absolute", "pulled"),
    [
        ("constant", [9, 9, 1, 2, 3, 9], [0, 0, 1, 2, 3, 0], [3, 4, 5]),
        ("reflect", [3, 2, 1, 2, 3, 2], [3, 2, 1, 2, 3, 2], [3, 2 + 4 + 6, 1 + 5]),
        ("replicate", [1, 1, 1, 2, 3, 3], [1, 1, 1, 2, 3, 3], [1 + 2 + 3, 4, 5 + 6]),
        ("circular", [2, 3, 1, 2, 3, 1], [2, 3, 1, 2, 3, 1], [3 + 6, 1 + 4, 2 + 5]),
    ],
)
def test_a_line_is_padded_and_its_rows_are_gathered(mode, value, absolute, pulled):
    op, z = Padding((2, 1), mode, 9.0), torch.tensor([[[1.0, 2.0, 3.0]]])
    assert op(z).flatten().tolist() == value
    assert op.absolute(z).flatten().tolist() == absolute
    assert op.pull_back(torch.tensor([[[1.0, 2, 3, 4, 5, 6]]]), [(1, 3)])[0].flatten().tolist() == pulled


def test_negative_sizes_crop_and_their_transpose_fills_with_zeros():
    op = Padding((-1, 1), "constant", 9.0)
    assert op(torch.tensor([[1.0, 2.0, 3.0]])).tolist() == [[2, 3, 9]]
    assert op.pull_back(torch.tensor([[4.0, 5.0, 6.0]]), [(3,)])[0].tolist() == [[0, 4, 5]]


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda x: F.pad(x, (0, 0, 0, 0, 1, -1)), "pads the batch"),
        (lambda x: F.pad(x, (1, 1), value=-torch.inf), "no bound can hold"),
        (lambda x: F.pad(x, (0, 0, 0, 0, 1, 1)), "only the first may be the batch"),
    ],
)
def test_what_cannot_be_padded_is_refused(unchecked, function, reason):
    with pytest.raises(UnsupportedOpError, match=reason):
        capture(Net(function), torch.rand(2, 2, 3))


def test_a_convolution_that_wraps_around_is_captured():
    module = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, padding_mode="circular"), nn.Flatten()).double()
    x = torch.rand(3, 1, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(capture(module, x).frozen()(x), module(x), rtol=0, atol=1e-12)
