"""Smooth functions: lines are sound by construction, whatever the points of contact and the slopes are."""

import math
from dataclasses import dataclass, replace

import pytest
import torch

from hauberk.concepts.box import Box
from hauberk.functions.smooth import Smooth
from hauberk.ops.gelu import GELU
from hauberk.ops.silu import SiLU
from hauberk.ops.softplus import Softplus
from hauberk.ops.tanh import Tanh
from laws.instances import instances, label
from laws.lines import difficult_boxes, heights, inside, points, require_relaxation

DTYPE = torch.float64
functions = pytest.mark.parametrize("op", instances(Smooth), ids=label)


@functions
def test_the_slope_is_the_derivative(op):
    z = torch.cat([torch.linspace(-12, 12, 4001, dtype=DTYPE), torch.tensor([-500.0, -60, 60, 500], dtype=DTYPE)])
    z = inside(op, Box(z, z), 1e-3).lower.requires_grad_()
    (derivative,) = torch.autograd.grad(op(z).sum(), z)
    torch.testing.assert_close(op.slope(z), derivative, rtol=1e-12, atol=1e-14)


@functions
def test_lines_of_any_slope_are_sound(op):
    box = inside(op, difficult_boxes())
    drawn = torch.randn(2, *box.lower.shape, generator=torch.Generator().manual_seed(0), dtype=DTYPE)
    require_relaxation(op, box, op.lines(op.span(box), *drawn))


def lost(points_of_contact):
    """Return a function of points of contact that answers nonsense."""
    return lambda t: torch.where(points_of_contact(t) > 0.3, math.inf, -7 + 1e3 * t.cos())


@pytest.mark.parametrize("kind", [Tanh, GELU, SiLU, Softplus], ids=lambda kind: kind.__name__)
def test_wrong_points_of_contact_loosen_lines_but_leave_them_sound(kind):
    pieces = tuple(
        replace(
            piece,
            touch=lost(piece.touch),
            from_left=piece.from_left and lost(piece.from_left),
            from_right=piece.from_right and lost(piece.from_right),
        )
        for piece in kind().curves
    )
    wrong = type("Wrong", (kind,), {"curves": pieces})()
    box = difficult_boxes()
    looser = 0
    for choice in (None, torch.zeros_like(box.lower), torch.full_like(box.lower, 0.6)):
        lines, right = wrong.relax(box, choice), kind().relax(box, choice)
        require_relaxation(wrong, box, lines)
        looser += (lines.upper_intercept - lines.lower_intercept > right.upper_intercept - right.lower_intercept).sum()
    assert looser > 50
    require_relaxation(wrong, box, wrong.relax_parallel(box))


@functions
def test_float32_lines_hold_in_exact_arithmetic_without_any_allowance(op):
    exact = difficult_boxes()
    box = inside(op, Box(exact.lower.float(), exact.upper.float()))
    z = points(box, 101)
    for lines in (op.relax(box), op.relax(box, torch.full_like(box.lower, 0.7)), op.relax_parallel(box)):
        below, above = heights(lines, z.double())
        for values in (op(z).double(), op(z.double())):
            assert (below <= values).all()
            assert (above >= values).all()


@dataclass(frozen=True)
class Bent(Tanh):
    """A tanh that says it bends the other way: the laws must notice."""

    @property
    def curves(self):
        return tuple(replace(piece, bend=-piece.bend) for piece in Tanh().curves)


def test_a_function_that_bends_otherwise_than_it_says_breaks_the_law():
    box = difficult_boxes()
    with pytest.raises(AssertionError):
        require_relaxation(Bent(), box, Bent().relax(box))
