"""Levels at which clipped rows add up to a given value, to which projections onto cut balls reduce.

Compiled loops find each by Newton's method, row by row; a finished row does not wait for the others. Their twins sort.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hauberk.kernels.rows import COMPILED, arrays

Level = Callable[[Tensor, Tensor, Tensor], Tensor]


def multiplier(a: Float[Tensor, "... n"], room: Float[Tensor, "... n"], radius: Tensor) -> Float[Tensor, "... 1"]:
    """Return the t at which min(t * a / max(a), room) has the norm `radius`; a large t if it always stays shorter.

    The squared norm is concave and piecewise linear in t squared, so Newton's steps from below stay below and end
    exactly there: at most n steps, a handful in practice. Sums run in float64.
    """
    return by_rows("multiplier", plain_multiplier, a, room, radius)


def threshold(size: Float[Tensor, "b n"], room: Float[Tensor, "b n"], radius: Tensor) -> Float[Tensor, "b 1"]:
    """Return the least t >= 0 at which clamp(size - t, 0, room) sums to at most `radius`.

    The sum falls with t and is piecewise linear. Newton's steps end exactly on a piece; if one leaves the current
    bracket, the bracket is halved instead. Takes a dozen passes over memory.
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
    a = (a / a.amax(-1, keepdim=True).clamp(min=torch.finfo(a.dtype).tiny)).double()
    return filled(a.square(), room.double().square(), radius.double().square()).sqrt()


def filled(rate: Float[Tensor, "... n"], most: Float[Tensor, "... n"], goal: Tensor) -> Float[Tensor, "... 1"]:
    """Return the t at which min(t * rate, most) sums to `goal`; a large t if it never does.

    In float64, by sorting the values of t at which entries are full: no step waits for the outcome of the last.
    """
    rate, most = rate.double(), most.double().expand_as(rate)
    full, order = torch.where(rate > 0, most / rate, torch.inf).sort(-1)
    used = most.gather(-1, order).cumsum(-1)
    left = rate.gather(-1, order).flip(-1).cumsum(-1).flip(-1)
    used, left = F.pad(used, (1, 0)), F.pad(left, (0, 1))
    number = (used[..., :-1] + full * left[..., :-1] < goal).sum(-1, keepdim=True)
    used, left = used.gather(-1, number), left.gather(-1, number)
    return (goal - used).clamp(min=0) / left.clamp(min=torch.finfo(torch.float64).tiny)


def plain_threshold(size: Tensor, room: Tensor, radius: Tensor) -> Tensor:
    """Return the same as `threshold`, computed with torch's own operations.

    Sorts the values of t at which entries begin to shrink (or end, seen from the largest t), and sums from there.
    """
    radius, zero = radius.double(), torch.zeros_like(size[:, :1])
    turns, order = torch.cat([size, size - room, zero], 1).double().clamp(min=0).sort(1, descending=True)
    change = torch.cat([torch.ones_like(size), -torch.ones_like(size), zero], 1)
    moving = change.gather(1, order).double().cumsum(1)
    value = F.pad((moving[:, :-1] * (turns[:, :-1] - turns[:, 1:])).cumsum(1), (1, 0))
    last = (value <= radius).sum(1, keepdim=True) - 1
    beyond = (radius - value.gather(1, last)) / moving.gather(1, last).clamp(min=1)
    return (turns.gather(1, last) - beyond).clamp(min=0)
