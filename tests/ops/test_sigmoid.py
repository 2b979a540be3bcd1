"""Sigmoid and tanh: tangents against a root finder, and what they are to each other."""

import math

import pytest
import torch
from scipy.optimize import brentq

from hauberk.concepts.box import Box
from hauberk.ops.sigmoid import Sigmoid
from hauberk.ops.tanh import Tanh
from laws.lines import moderate_boxes

DTYPE = torch.float64


@pytest.mark.parametrize("low", [-0.01, -0.5, -2.0, -9.0, -300.0])
def test_the_steepest_upper_line_is_the_tangent_through_the_lower_end(low):
    def excess(d):
        return math.tanh(d) - math.tanh(low) - (1 - math.tanh(d) ** 2) * (d - low)

    touched = brentq(excess, 1e-4, 20, xtol=1e-14)
    box = Box(torch.full((1, 1), low, dtype=DTYPE), torch.full((1, 1), 30.0, dtype=DTYPE))
    lines = Tanh().relax(box, torch.ones(1, 1, dtype=DTYPE))
    slope = 1 - math.tanh(touched) ** 2
    assert lines.upper_slope.item() == pytest.approx(slope, abs=1e-9)
    assert lines.upper_intercept.item() == pytest.approx(math.tanh(low) - slope * low, abs=1e-9 * (1 - low))


def test_where_the_tangent_would_touch_beyond_the_box_the_upper_line_is_the_chord():
    low, high = torch.tensor([[-3.0, -1.0, -8.0]], dtype=DTYPE), torch.tensor([[0.4, 0.1, -0.5]], dtype=DTYPE)
    chord = (low.sigmoid() - high.sigmoid()) / (low - high)
    for choice in (None, torch.full_like(low, 0.2)):
        lines = Sigmoid().relax(Box(low, high), choice)
        torch.testing.assert_close(lines.upper_slope, chord, rtol=0, atol=1e-14)
        torch.testing.assert_close(lines.upper_intercept, low.sigmoid() - chord * low, rtol=0, atol=1e-13)


def test_on_the_concave_side_the_adaptive_upper_line_is_the_tangent_at_the_middle():
    low, high = torch.tensor([[0.0, 1.0, 0.3]], dtype=DTYPE), torch.tensor([[0.7, 6.0, 90.0]], dtype=DTYPE)
    middle = (low + high) / 2
    slope = middle.tanh().square().neg() + 1
    lines = Tanh().relax(Box(low, high))
    torch.testing.assert_close(lines.upper_slope, slope, rtol=0, atol=1e-12)
    torch.testing.assert_close(lines.upper_intercept, middle.tanh() - slope * middle, rtol=0, atol=1e-12)


def test_sigmoid_is_half_a_tanh_of_half_the_size():
    box = moderate_boxes(300)
    half = Box(box.lower / 2, box.upper / 2)
    for relax in ("relax", "relax_parallel"):
        lines, twin = getattr(Sigmoid(), relax)(box), getattr(Tanh(), relax)(half)
        torch.testing.assert_close(lines.lower_slope, twin.lower_slope / 4, rtol=0, atol=1e-10)
        torch.testing.assert_close(lines.upper_slope, twin.upper_slope / 4, rtol=0, atol=1e-10)
        torch.testing.assert_close(lines.lower_intercept, 0.5 + twin.lower_intercept / 2, rtol=0, atol=1e-9)
        torch.testing.assert_close(lines.upper_intercept, 0.5 + twin.upper_intercept / 2, rtol=0, atol=1e-9)


def test_mirrored_boxes_have_mirrored_lines():
    box = moderate_boxes(300)
    lines, mirrored = Tanh().relax(box), Tanh().relax(Box(-box.upper, -box.lower))
    torch.testing.assert_close(lines.upper_slope, mirrored.lower_slope, rtol=0, atol=1e-12)
    torch.testing.assert_close(lines.upper_intercept, -mirrored.lower_intercept, rtol=0, atol=1e-12)
