"""The hard swish: its envelopes, against brute force and in closed form, and torch's own rounding."""

import math
from itertools import pairwise

import pytest
import torch

from hauberk.concepts.box import Box
from hauberk.ops.hardswish import HardSwish

DTYPE = torch.float64
KINDS = {  # boxes by the pieces that their ends lie on
    "flat": (-9.0, -4.0),
    "left bend": (-4.5, -2.5),
    "left bend, beyond the tangent": (-4.5, -0.25),
    "left bend and the bottom": (-6.0, 2.0),
    "parabola": (-2.0, 1.0),
    "right bend": (2.0, 4.0),
    "right bend, beyond the tangent": (-1.0, 5.0),
    "right bend, positive": (0.5, 5.0),
    "everything": (-5.0, 7.0),
    "identity": (3.5, 8.0),
}
kinds = pytest.mark.parametrize(("low", "high"), KINDS.values(), ids=KINDS)


def exact(z):
    return z * (z + 3).clamp(0, 6) / 6


def box_of(low, high, dtype=DTYPE):
    return Box(torch.tensor([[low]], dtype=dtype), torch.tensor([[high]], dtype=dtype))


def numbers(lines):
    return [t.item() for t in (lines.lower_slope, lines.lower_intercept, lines.upper_slope, lines.upper_intercept)]


def hull(points):
    """Return the vertices of the convex hull from below of points that are sorted from left to right."""
    found = []
    for z, value in points:
        while len(found) > 1:
            (a, f_a), (b, f_b) = found[-2:]
            if (f_b - f_a) * (z - b) < (value - f_b) * (b - a):
                break
            found.pop()
        found.append((z, value))
    return found


def at(vertices, z):
    """Return the value of a chain of segments at z."""
    for (a, f_a), (b, f_b) in pairwise(vertices):
        if a <= z <= b:
            return f_a + (f_b - f_a) * (z - a) / (b - a)
    raise AssertionError


@kinds
def test_adaptive_lines_support_the_hulls_of_the_curve_at_the_middle(low, high):
    z = torch.cat(
        [torch.linspace(low, high, 4001, dtype=DTYPE), torch.tensor([-3.0, 3.0], dtype=DTYPE).clamp(low, high)]
    )
    z = z.sort().values
    middle, curve = (low + high) / 2, list(zip(z.tolist(), exact(z).tolist(), strict=True))
    lower_slope, lower_intercept, upper_slope, upper_intercept = numbers(HardSwish().relax(box_of(low, high)))
    below, above = at(hull(curve), middle), -at(hull([(a, -f) for a, f in curve]), middle)
    assert lower_slope * middle + lower_intercept == pytest.approx(below, abs=1e-6)
    assert upper_slope * middle + upper_intercept == pytest.approx(above, abs=1e-6)
    assert (lower_slope * z + lower_intercept <= exact(z)).all()
    assert (upper_slope * z + upper_intercept >= exact(z)).all()


@kinds
def test_parallel_lines_are_as_close_as_those_of_any_slope(low, high):
    z = torch.linspace(low, high, 2001, dtype=DTYPE)
    lines = HardSwish().relax_parallel(box_of(low, high))
    off = exact(z) - torch.linspace(-1, 2, 1501, dtype=DTYPE)[:, None] * z
    least = (off.amax(1) - off.amin(1)).min().item()
    assert (lines.upper_intercept - lines.lower_intercept).item() == pytest.approx(least, abs=0.02)
    assert (lines.upper_intercept - lines.lower_intercept).item() <= least + 1e-4


@pytest.mark.parametrize("end", [3.25, 4.0, 6.0, 100.0])
def test_extreme_choices_are_the_tangents_through_the_ends_of_the_box(end):
    """The tangent at t passes through (end, end): t^2 - 2 end t + 3 end = 0, and mirrored: f(-z) = f(z) - z."""
    t = end - math.sqrt(end * end - 3 * end)
    op, box = HardSwish(), box_of(-end, end)
    steepest, flattest = (op.relax(box, torch.full((1, 1), choice, dtype=DTYPE)) for choice in (1.0, 0.0))
    assert numbers(steepest)[:2] == pytest.approx([(2 * t + 3) / 6, -t * t / 6], abs=1e-12)
    assert numbers(flattest)[:2] == pytest.approx([(3 - 2 * t) / 6, -t * t / 6], abs=1e-12)
    assert numbers(op.relax(box)) == pytest.approx([0.5, 0.0, 0.5, end / 2], abs=1e-12)


def test_from_above_the_lines_at_a_bend_are_the_two_chords():
    op = HardSwish()
    choose = [torch.full((1, 1), choice, dtype=DTYPE) for choice in (0.0, 1.0)]
    left, right = ([numbers(op.relax(box, choice))[2:] for choice in choose] for box in (box_of(-4, -2), box_of(1, 4)))
    assert left[0] == pytest.approx([-1 / 3, -1], abs=1e-12)  # through (-3, 0) and (-2, -1/3)
    assert left[1] == pytest.approx([0, 0], abs=1e-12)
    assert right[0] == pytest.approx([1, 0], abs=1e-12)
    assert right[1] == pytest.approx([7 / 6, -1 / 2], abs=1e-12)  # through (1, 2/3) and (3, 3)


def test_intervals_reach_from_the_bottom_to_the_higher_end():
    for low, high in KINDS.values():
        z = torch.linspace(low, high, 3001, dtype=DTYPE)
        image = HardSwish().interval(box_of(low, high))
        bottom = -0.375 if low <= -1.5 <= high else exact(z).min().item()
        assert image.lower.item() == pytest.approx(bottom, abs=1e-12)
        assert image.upper.item() == pytest.approx(exact(z).max().item(), abs=1e-12)


def test_straight_parts_are_not_loose():
    box = Box(torch.tensor([[-9.0, 3.0, -4.0, 2.0, 1.0]]), torch.tensor([[-3.0, 5.0, -2.5, 9.0, 1.0]]))
    assert HardSwish().loose(box).tolist() == [[False, False, True, True, False]]


@pytest.mark.parametrize("bend", [-3.0, 3.0, 0.0, -1.5])
def test_float32_lines_around_a_bend_hold_for_torchs_own_values(bend):
    generator = torch.Generator().manual_seed(0)
    center, radius = bend + 1e-2 * torch.randn(500, generator=generator), torch.logspace(-7, 1, 500)
    box = Box((center - radius)[None], (center + radius)[None])
    z = torch.lerp(box.lower, box.upper, torch.linspace(0, 1, 101)[:, None]).clamp(box.lower, box.upper)
    op = HardSwish()
    for values in (op(z).double(), exact(z.double())):
        image = op.interval(box)
        assert ((values >= image.lower) & (values <= image.upper)).all()
        for lines in (op.relax(box), op.relax_parallel(box), op.relax(box, torch.full_like(box.lower, 0.3))):
            assert (lines.lower_slope.double() * z + lines.lower_intercept <= values).all()
            assert (lines.upper_slope.double() * z + lines.upper_intercept >= values).all()
