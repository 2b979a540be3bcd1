"""Softplus: torch's jump at the threshold, and the scaling by beta."""

import math

import pytest
import torch
from torch import nn

from hauberk.capture import capture
from hauberk.concepts.box import Box
from hauberk.errors import UnsupportedOpError
from hauberk.ops.softplus import Softplus
from laws.lines import heights, moderate_boxes

DTYPE = torch.float64


def test_lines_and_intervals_hold_on_both_sides_of_a_high_jump():
    op = Softplus(2.0, 1.0)
    jump = math.log1p(math.exp(-1)) / 2
    generator = torch.Generator().manual_seed(0)
    ends = (0.5 + torch.randn(2, 2000, generator=generator, dtype=DTYPE)).sort(0).values
    box = Box(ends[:1], ends[1:])
    around = torch.tensor([0.5, 0.5 - 1e-9, 0.5 + 1e-9], dtype=DTYPE)[:, None]
    z = torch.cat(
        [torch.lerp(ends[0], ends[1], torch.linspace(0, 1, 101, dtype=DTYPE)[:, None]), around.expand(-1, 2000)]
    )
    z = torch.minimum(torch.maximum(z, box.lower), box.upper)
    image, values = op.interval(box), op(z)
    assert (values >= image.lower - 1e-12).all()
    assert (values <= image.upper + 1e-12).all()
    for choice in (None, torch.rand(box.lower.shape, generator=generator, dtype=DTYPE)):
        below, above = heights(op.relax(box, choice), z)
        assert (below <= values + 1e-12).all()
        assert (above >= values - 1e-12).all()
    assert ((image.upper - values.amax(0)) <= jump + 1e-12).all()


def test_beta_scales_input_and_output():
    box, beta = moderate_boxes(200), 3.0
    scaled = Softplus(1.0, 1e6).relax(Box(beta * box.lower, beta * box.upper))
    lines = Softplus(beta, 1e6).relax(box)
    torch.testing.assert_close(lines.lower_slope, scaled.lower_slope, rtol=0, atol=1e-9)
    torch.testing.assert_close(lines.upper_slope, scaled.upper_slope, rtol=0, atol=1e-9)
    torch.testing.assert_close(lines.lower_intercept, scaled.lower_intercept / beta, rtol=0, atol=1e-9)
    torch.testing.assert_close(lines.upper_intercept, scaled.upper_intercept / beta, rtol=0, atol=1e-9)


def test_beyond_the_threshold_it_is_the_identity():
    low, high = torch.tensor([[21.0, 30.0]], dtype=DTYPE), torch.tensor([[25.0, 1e5]], dtype=DTYPE)
    lines = Softplus().relax(Box(low, high), torch.full_like(low, 0.5))
    for slope in (lines.lower_slope, lines.upper_slope):
        torch.testing.assert_close(slope, torch.ones_like(low), rtol=0, atol=1e-15)
    for intercept in (lines.lower_intercept, lines.upper_intercept):
        torch.testing.assert_close(intercept, torch.zeros_like(low), rtol=0, atol=1e-9)


def test_betas_that_turn_the_function_round_are_refused():
    with pytest.raises(UnsupportedOpError, match="beta"):
        capture(nn.Softplus(-1.0), torch.zeros(2, 3))
