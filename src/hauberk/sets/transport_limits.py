"""Plans cut down to a budget, and to the largest value of a pixel."""

from math import inf

import torch
from jaxtyping import Float64
from torch import Tensor

from hauberk.kernels.rows import COMPILED, arrays
from hauberk.kernels.threads import in_threads
from hauberk.kernels.transport import images
from hauberk.kernels.transport_grid import Grid


def within_budget(
    plan: Float64[Tensor, "b n k"], mass: Float64[Tensor, "b n"], radius: Float64[Tensor, "b"], grid: Grid
) -> Float64[Tensor, "b n k"]:
    """Return plans of which so much stays at home that their cost is at most the radius."""
    paid = (plan * grid.cost).sum((1, 2)) * (1 + 1e-14)
    return completed(plan * torch.where(paid > radius, radius / paid, 1)[:, None, None], mass)


def completed(plan: Float64[Tensor, "b n k"], mass: Float64[Tensor, "b n"]) -> Float64[Tensor, "b n k"]:
    """Return plans in which all mass that is not sent elsewhere stays; no pixel sends more than it has."""
    sent = plan[:, :, 1:].sum(2)
    plan = plan * torch.where(sent > mass, mass / sent, 1)[:, :, None]
    plan[:, :, 0] = (mass - plan[:, :, 1:].sum(2)).clamp(min=0)
    return plan


def within_cap(
    plan: Float64[Tensor, "b n k"],
    mass: Float64[Tensor, "b n"],
    cap: Float64[Tensor, "b"],
    grid: Grid,
    rounds: int = 60,
) -> Float64[Tensor, "b n k"]:
    """Return plans of which so much stays at home that no pixel gets more than the cap; no pixel's mass exceeds it.

    What overflows a pixel goes back to where it came from. Flows only shrink, so costs do, too.
    """
    if COMPILED and plan.device.type == "cpu":
        from hauberk.kernels import compiled_transport_limits

        plan = plan.clone(memory_format=torch.contiguous_format)
        tables = arrays(plan, mass, cap, grid.pixels, grid.offsets)
        in_threads(compiled_transport_limits.within_cap, len(plan), *tables, grid.length, rounds)
        return plan
    return plain_within_cap(plan, mass, cap, grid, rounds)


def plain_within_cap(
    plan: Float64[Tensor, "b n k"], mass: Float64[Tensor, "b n"], cap: Float64[Tensor, "b"], grid: Grid, rounds: int
) -> Float64[Tensor, "b n k"]:
    """Do `within_cap` with torch's own operations."""
    for _ in range(rounds):
        full = grid.inside(images(plan, grid))
        if not (full > cap[:, None]).any():
            return plan
        stay = plan[:, :, 0]
        share = ((cap[:, None] - stay) / (full - stay).clamp(min=1e-300)).clamp(0, 1) * (1 - 1e-14)
        plan = completed(plan * grid.padded(torch.where(full > cap[:, None], share, 1))[:, grid.window], mass)
    full = grid.inside(images(plan, grid))
    room = torch.where(full > cap[:, None], (cap[:, None] - mass) / (full - mass), 1).amin(1).clamp(0, 1)
    return completed(plan * room[:, None, None], mass)


def reach(
    mass: Float64[Tensor, "b n"], cap: Float64[Tensor, "b"], radius: Float64[Tensor, "b"], grid: Grid
) -> tuple[Float64[Tensor, "b n"], Float64[Tensor, "b n"]]:
    """Return the least and the largest share that each pixel can get, when the budget is spent on it alone."""
    cost, sources = grid.cost[1:], grid.pixels[:, None] - grid.offsets[1:]
    budget, cheapest = radius[:, None], grid.level_cost[1] if len(cost) else inf
    near = grid.padded(mass)[:, sources]  # in order of cost
    before = (near * cost).cumsum(2) - near * cost
    gained = torch.minimum(near, ((budget[:, :, None] - before) / cost).clamp(min=0)).sum(2)
    return (mass - budget / cheapest).clamp(min=0), (mass + gained).minimum(cap[:, None])
