"""Levels at which clipped rows add up to a given value, to which projections onto cut balls reduce.

Each is found by Newton's method, row by row; a finished row does not wait for the others.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.kernels.rows import COMPILED, arrays

Level = Callable[[Tensor, Tensor, Tensor], Tensor]
MOST_STEPS = 100
"""The number of steps after which bisection alone would have converged in float64."""


def multiplier(a: Float[Tensor, "... n"], room: Float[Tensor, "... n"], radius: Tensor) -> Float[Tensor, "... 1"]:
    """Return the t at which min(t * a / max(a), room) has the norm `radius`; a large t if it always stays shorter.

    The squared norm is concave and piecewise linear in t squared, so Newton's steps from below stay below and end
    exactly there: at most n steps, a handful in practice. Sums run in float64.
    """
    return by_rows("multiplier", plain_multiplier, a, room, radius)


def threshold(size: Float[Tensor, "b n"], room: Float[Tensor, "b n"], radius: Tensor) -> Float[Tensor, "b 1"]:
    """Return the least t >= 0 at which clamp(size - t, 0, room) sums to at most `radius`.

    The sum falls with t and is piecewise linear. Newton's steps end exactly on a piece; if one leaves the current
    bracket, the bracket is halved instead. Takes a dozen passes over memory; sorting would take several dozen.
    """
    return by_rows("threshold", plain_threshold, size, room, radius)


def project(
    z: Float[Tensor, "b n"],
    start: Float[Tensor, "b n"],
    radius: Float[Tensor, "b"],
    within: tuple[float, float],
    slack: float,
    *,
    euclidean: bool,
) -> Float[Tensor, "b n"]:
    """Return the nearest points of l_2 (else l_1) balls cut by a range; members off the sphere stay as they are.

    The twin of `BallSet.plain_project`, for CPU tensors if loops are compiled. Takes one pass over memory for a member
    and about ten for other points, where the twin takes dozens.
    """
    from hauberk.kernels import compiled_levels

    out = torch.empty_like(start)
    compiled_levels.project(*arrays(z, start, radius), *within, euclidean, slack, out.numpy())
    return out


def by_rows(name: str, plain: Level, a: Tensor, room: Tensor, radius: Tensor) -> Tensor:
    """Return the level of every row, by the compiled loop of this name if there is one."""
    if not (COMPILED and a.device.type == "cpu"):
        return plain(a, room, radius)
    from hauberk.kernels import compiled_levels

    n = a.shape[-1]
    found = torch.empty(a.numel() // n, dtype=torch.float64)
    rows = arrays(a.reshape(-1, n), room.expand_as(a).reshape(-1, n))
    getattr(compiled_levels, name)(*rows, radius.expand(*a.shape[:-1], 1).double().reshape(-1).numpy(), found.numpy())
    return found.view(*a.shape[:-1], 1)


def plain_multiplier(a: Tensor, room: Tensor, radius: Tensor) -> Tensor:
    """Return the same as `multiplier`, computed with torch's own operations."""
    tiny = torch.finfo(torch.float64).tiny
    a = a / a.amax(-1, keepdim=True).clamp(min=torch.finfo(a.dtype).tiny)
    squares, capacity = a.square(), room.square()
    t = radius / squares.sum(-1, keepdim=True, dtype=torch.float64).sqrt().clamp(min=tiny)
    while True:
        used_up = t.to(a.dtype) * a >= room
        left = radius.square() - torch.where(used_up, capacity, 0).sum(-1, keepdim=True, dtype=torch.float64)
        slope = torch.where(used_up, 0, squares).sum(-1, keepdim=True, dtype=torch.float64)
        ahead = torch.maximum(t, (left.clamp(min=0) / slope.clamp(min=tiny)).sqrt())
        if not (ahead > t).any():
            return t
        t = ahead


def plain_threshold(size: Tensor, room: Tensor, radius: Tensor) -> Tensor:
    """Return the same as `threshold`, computed with torch's own operations."""
    radius = radius.double()
    t = low = torch.zeros_like(radius)
    high = size.amax(1, keepdim=True).double()
    for _ in range(MOST_STEPS):
        above = size - t
        value = torch.minimum(above.clamp(min=0), room).sum(1, keepdim=True, dtype=torch.float64)
        moving = ((above > 0) & (above < room)).sum(1, keepdim=True)
        done = ((value - radius).abs() <= 1e-15 * radius) | ((value <= radius) & (t == 0))
        if done.all():
            break
        low, high = torch.where(value > radius, t, low), torch.where(value > radius, high, t)
        ahead = t + (value - radius) / moving.clamp(min=1)
        inside = (ahead > low) & (ahead < high) & (moving > 0)
        t = torch.where(done, t, torch.where(inside, ahead, 0.5 * (low + high)))
    return t
