"""Boxes that are hard to relax, and what lines above and below a function owe."""

import torch

from hauberk.concepts.box import Box
from hauberk.functions.partial import Partial

DTYPE = torch.float64


def inside(op, box, margin=0.0):
    """Return boxes where an op is defined, and as far inside: mirrored to positive ones and clamped, or squashed."""
    if not isinstance(op, Partial):
        return box
    low, high = op.domain[0] + margin, op.domain[1] - margin
    if -low == high < torch.inf:
        return Box(*(high * end / (high + end.abs()) for end in (box.lower, box.upper)))
    if low > -torch.inf:
        box = Box(*torch.stack([box.lower.abs(), box.upper.abs()]).sort(0).values)
    return Box(box.lower.clamp(low, high), box.upper.clamp(low, high))


def difficult_boxes(count=400):
    """Random boxes; some lie on one side of zero, touch it, hold one point, or are very thin or wide."""
    generator = torch.Generator().manual_seed(1)
    ends = torch.randn(2, count, generator=generator, dtype=DTYPE).sort(0).values
    lower, upper = ends[0].clone(), ends[1].clone()
    lower[:40], upper[40:80] = 0, 0
    upper[:40], lower[40:80] = upper[:40].abs(), lower[40:80].abs().neg()
    upper[80:120] = lower[80:120]
    lower[120], upper[120] = 0, 0
    lower[130:160], upper[130:160] = -1e-12, 1e-12
    lower[160:190] *= 1e6
    upper[160:190] = upper[160:190].abs() * 1e-6
    lower[190:300] *= 8
    upper[200:320] *= 8
    lower, upper = torch.minimum(lower, upper), torch.maximum(lower, upper)
    return Box(lower[None], upper[None])


def extreme_boxes():
    """Return all boxes between points that are huge, tiny, equal, or where one of the functions bends."""
    ends = [0, 1e-300, 1e-30, 1e-12, 1e-5, 1e-3, 1, 2**0.5, 2.3993572805154677, 2.5, 3, 20, 1e3, 1e6, 1e18]
    ends = torch.tensor([-end for end in ends[1:]] + ends + [-0.7517915246935645, -1.2784645427610738], dtype=DTYPE)
    lower, upper = torch.meshgrid(ends, ends, indexing="ij")
    return Box(lower[lower <= upper][None], upper[lower <= upper][None])


def moderate_boxes(count=60):
    """Return random boxes of widths from 0.01 to 30."""
    generator = torch.Generator().manual_seed(3)
    center, spread, width = torch.randn(3, count, generator=generator, dtype=DTYPE)
    center, radius = center * torch.exp(spread), (1.5 * width).exp().clamp(0.005, 15)
    return Box((center - radius)[None], (center + radius)[None])


def points(box, count=201):
    """Return points of each box, its ends among them: equidistant ones, and as many around zero, bends included."""
    share = torch.linspace(0, 1, count, dtype=box.lower.dtype)[:, None]
    around = torch.linspace(-8, 8, count, dtype=box.lower.dtype)[:, None]
    bends = torch.tensor([-3, -1, 0, 1, 2.5, 3], dtype=box.lower.dtype)[:, None]
    others = torch.cat([around, bends]).expand(-1, box.lower.shape[1])
    z = torch.cat([torch.lerp(box.lower, box.upper, share), others])
    return torch.minimum(torch.maximum(z, box.lower), box.upper)


def facts(relaxation):
    """Return the tensors of a relaxation or a box."""
    if isinstance(relaxation, Box):
        return relaxation.lower, relaxation.upper
    lines = relaxation
    return lines.lower_slope, lines.upper_slope, lines.upper_intercept, lines.lower_intercept


def heights(lines, z):
    """Return the values of both lines, computed in the precision of z."""
    below = lines.lower_slope.to(z) * z
    if lines.lower_intercept is not None:
        below = below + lines.lower_intercept.to(z)
    return below, lines.upper_slope.to(z) * z + lines.upper_intercept.to(z)


def require_relaxation(op, box, lines):
    z = points(box)
    exact = op(z)
    scale = 1e-12 * (1 + box.magnitude)
    below, above = heights(lines, z)
    assert (below <= exact + scale).all()
    assert (above >= exact - scale).all()


def minimum(function, low, high, steps=70):
    """Return the least values of functions that are convex, one for each element, between `low` and `high`."""
    for _ in range(steps):
        first, second = low + (high - low) / 3, high - (high - low) / 3
        left = function(first) < function(second)
        low, high = torch.where(left, low, first), torch.where(left, second, high)
    return function(0.5 * (low + high))
