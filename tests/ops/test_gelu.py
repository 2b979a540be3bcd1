"""GELU, SiLU and Mish: their constants, and the mirror symmetry f(-z) = f(z) - z."""

import pytest
import torch
from scipy.optimize import brentq

from hauberk.concepts.box import Box
from hauberk.functions.gate import Gate
from hauberk.ops.gelu import GELU, TanhGELU
from hauberk.ops.silu import SiLU
from laws.instances import instances, label
from laws.lines import moderate_boxes

DTYPE = torch.float64
gates = pytest.mark.parametrize("op", instances(Gate), ids=label)


def slope(op, z):
    return op.slope(torch.tensor([z], dtype=DTYPE)).item()


def bend(op, z):
    z = torch.tensor([z], dtype=DTYPE, requires_grad=True)
    return torch.autograd.grad(op.slope(z).sum(), z)[0].item()


@gates
def test_the_bottom_and_the_inflections_are_where_the_derivatives_vanish(op):
    assert brentq(lambda z: slope(op, z), -2, -0.3, xtol=1e-15) == pytest.approx(op.bottom, abs=1e-14)
    for sign, inflection in zip((-1, 1), op.inflections, strict=True):
        found = brentq(lambda z, sign=sign: bend(op, sign * z), 1, 3, xtol=1e-15)
        assert sign * found == pytest.approx(inflection, abs=1e-13)


@gates
def test_the_function_bends_by_turns(op):
    z = torch.linspace(-30, 30, 6001, dtype=DTYPE, requires_grad=True)
    (second,) = torch.autograd.grad(op.slope(z).sum(), z)
    inside = (z > op.inflections[0]) & (z < op.inflections[1])
    assert (second[inside] > 0).all()
    assert (second[~inside] <= 1e-18).all()


@gates
def test_far_out_it_is_straight(op):
    z = torch.linspace(op.straight, 100, 100, dtype=DTYPE)
    torch.testing.assert_close(op(z), z, rtol=1e-15, atol=0)
    torch.testing.assert_close(op(-z), torch.zeros_like(z), rtol=0, atol=1e-15)


@pytest.mark.parametrize("op", [GELU(), TanhGELU(), SiLU()], ids=label)
def test_mirrored_boxes_have_mirrored_lines(op):
    box = moderate_boxes(300)
    for relax in (op.relax, op.relax_parallel):
        lines, mirrored = relax(box), relax(Box(-box.upper, -box.lower))
        torch.testing.assert_close(lines.upper_slope, 1 - mirrored.upper_slope, rtol=0, atol=1e-9)
        torch.testing.assert_close(lines.lower_slope, 1 - mirrored.lower_slope, rtol=0, atol=1e-9)
        torch.testing.assert_close(lines.upper_intercept, mirrored.upper_intercept, rtol=0, atol=1e-8)
        torch.testing.assert_close(lines.lower_intercept, mirrored.lower_intercept, rtol=0, atol=1e-8)


@gates
def test_the_flat_lower_line_of_a_wide_box_is_near_the_minimum(op):
    """The tangent through a far point on the left is nearly horizontal: it touches at the bottom."""
    low = torch.full((1, 1), -1e4, dtype=DTYPE)
    lines = op.relax(Box(low, torch.full((1, 1), 2.0, dtype=DTYPE)))
    least = op(torch.tensor([op.bottom], dtype=DTYPE)).item()
    value = lines.lower_slope * op.bottom + lines.lower_intercept
    assert value.item() == pytest.approx(least, abs=1e-7)
    assert (lines.lower_slope * low + lines.lower_intercept).item() == pytest.approx(0, abs=1e-7)
