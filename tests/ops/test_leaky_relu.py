"""Leaky ReLU: its special cases are other operators, its chord is known in closed form."""

import torch

from hauberk.concepts.box import Box
from hauberk.ops.absolute_value import AbsoluteValue
from hauberk.ops.hardtanh import Hardtanh
from hauberk.ops.leaky_relu import LeakyReLU
from hauberk.ops.relu import ReLU
from laws.lines import difficult_boxes, facts

DTYPE = torch.float64


def require_equal(first, second):
    for one, other in zip(facts(first), facts(second), strict=True):
        other = torch.zeros_like(one) if other is None else other
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_with_slope_zero_it_is_the_relu_and_a_clamp_at_zero():
    box = difficult_boxes()
    single = box.lower == box.upper
    box = Box(box.lower[~single][None], box.upper[~single][None])
    for op in (LeakyReLU(0.0), Hardtanh(0.0, torch.inf)):
        for choice in (None, torch.zeros_like(box.lower), torch.full_like(box.lower, 0.3)):
            require_equal(op.relax(box, choice), ReLU().relax(box, choice))
        require_equal(op.relax_parallel(box), ReLU().relax_parallel(box))


def test_with_slope_minus_one_it_is_the_absolute_value():
    box = difficult_boxes()
    require_equal(LeakyReLU(-1.0).relax(box), AbsoluteValue().relax(box))
    require_equal(LeakyReLU(-1.0).relax_parallel(box), AbsoluteValue().relax_parallel(box))


def test_the_upper_line_is_the_chord_and_the_lower_slope_lies_between_the_two():
    generator = torch.Generator().manual_seed(0)
    below, above, choice = torch.rand(3, 1, 200, generator=generator, dtype=DTYPE)
    low, high, slope = -3 * below - 0.01, 3 * above + 0.01, 0.2
    lines = LeakyReLU(slope).relax(Box(low, high), choice)
    chord = (high - slope * low) / (high - low)
    torch.testing.assert_close(lines.upper_slope, chord, rtol=0, atol=1e-12)
    torch.testing.assert_close(lines.upper_intercept, high - chord * high, rtol=0, atol=1e-12)
    torch.testing.assert_close(lines.lower_slope, slope + choice * (1 - slope), rtol=0, atol=1e-12)
    torch.testing.assert_close(lines.lower_intercept, torch.zeros_like(low), rtol=0, atol=1e-12)


def test_steeper_than_one_it_is_the_mirrored_function():
    """f(z) = -a g(-z) with g of slope 1 / a: lines change places."""
    box, steep = difficult_boxes(), 1.6
    mirrored = LeakyReLU(1 / steep).relax(Box(-box.upper, -box.lower))
    lines = LeakyReLU(steep).relax(box)
    torch.testing.assert_close(lines.upper_intercept, -steep * mirrored.lower_intercept, rtol=0, atol=1e-9)
    torch.testing.assert_close(lines.lower_intercept, -steep * mirrored.upper_intercept, rtol=1e-12, atol=1e-9)
    moderate = box.upper - box.lower > 1e-9
    torch.testing.assert_close(lines.lower_slope[moderate], steep * mirrored.upper_slope[moderate], rtol=0, atol=1e-9)
