"""Interpolation: weights by hand, and what rounding of positions may do to them."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hauberk.capture import capture
from hauberk.ops.interpolation import Interpolation


class Net(nn.Module):
    """An interpolation."""

    def __init__(self, **options):
        super().__init__()
        self.options = options

    def forward(self, x):
        return F.interpolate(x, **self.options).flatten(1)


def lowered(x, **options) -> Interpolation:
    op = capture(Net(**options), x).frozen(x.dtype).nodes[0].op
    assert isinstance(op, Interpolation)
    return op


def test_halves_are_weighted_by_quarters():
    op = lowered(torch.zeros(2, 1, 3), scale_factor=2.0, mode="linear")
    quarters = [[4, 0, 0], [3, 1, 0], [1, 3, 0], [0, 3, 1], [0, 1, 3], [0, 0, 4]]
    assert (4 * op.weights[0]).tolist() == quarters
    assert (op.count, op.uses, op.blur) == (2, 4, 0)


@pytest.mark.parametrize("options", [{"scale_factor": 2.0, "align_corners": True}, {"size": 7}, {"scale_factor": 1.5}])
def test_positions_that_are_rounded_widen_the_error(options):
    op = lowered(torch.zeros(2, 1, 5), mode="linear", **options)
    z = torch.tensor([[[0.0, 0.0, 0.0, 0.0, 8.0]]])
    assert op.blur >= 6 * 2 * 5
    assert (op.terms(z)[0, 0, 0] > op.absolute(z)[0, 0, 0]).all(), "an element that is far away counts by its size"


@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_float32_differs_from_float64_by_less_than_the_error_that_is_carried(mode):
    generator = torch.Generator().manual_seed(0)
    x = 1e3 * torch.randn(2, 1, 37, 23, generator=generator)
    op = lowered(x, size=(61, 64), mode=mode, align_corners=True)
    exact = F.interpolate(x.double(), size=(61, 64), mode=mode, align_corners=True)
    error = op.carried([0 * x], [x.abs()], [x.abs().sum((1, 2, 3)) + 1])
    assert ((op(x) - exact).abs() <= error).all()
    assert (op(x) != exact).any()
