"""Plans that move the mass of pixels within windows, towards an image that is wanted.

A plan says how much of a pixel's mass goes to each place of its window. Its image is what arrives. Everything is in
float64.
"""

import math

import torch
from jaxtyping import Float64
from torch import Tensor

from hauberk.kernels.rows import COMPILED, arrays
from hauberk.kernels.threads import in_threads
from hauberk.kernels.transport_grid import Grid

Plan = Float64[Tensor, "b n k"]
Padded = Float64[Tensor, "b p"]
PerExample = Float64[Tensor, "b"]


def descend(
    plan: Plan,
    arrived: Padded,
    excess: Padded,
    wanted: Padded,
    mass: Float64[Tensor, "b n"],
    cap: PerExample,
    price: PerExample,
    stiffness: PerExample,
    grid: Grid,
    passes: int,
) -> None:
    """Improve plans in place: lower half the squared distance of what arrives from what is wanted, plus price * cost.

    A pass is exact block coordinate descent over the pixels, there and back: each gives its mass to its window as is
    best while all others stay. Nesterov's extrapolation goes before all passes but the first. What arrives is kept
    below the cap by an augmented Lagrangian, whose multipliers, `excess`, take a step after the last pass.

    Args:
        plan: the plans; rows sum to the mass.
        arrived: their images.
        excess: multipliers of the largest value of a pixel, at least 0.
        wanted: the images wanted, -inf around them.
        mass: the mass of each pixel.
        cap: the largest value of a pixel; infinite for none.
        price: the price of a unit of cost.
        stiffness: the weight of squares above the cap.
        grid: the geometry.
        passes: the number of passes.
    """
    if COMPILED and plan.device.type == "cpu":
        from hauberk.kernels import compiled_transport

        tables = arrays(plan, arrived, excess, wanted, mass, cap, price, stiffness)
        places = (grid.pixels.numpy(), grid.order.numpy(), grid.offsets.numpy())
        in_threads(compiled_transport.descend, len(plan), *tables, *places, grid.cost.numpy(), passes)
    else:
        plain_descend(plan, arrived, excess, wanted, mass, cap, price, stiffness, grid, passes)


def plain_descend(
    plan: Plan,
    arrived: Padded,
    excess: Padded,
    wanted: Padded,
    mass: Float64[Tensor, "b n"],
    cap: PerExample,
    price: PerExample,
    stiffness: PerExample,
    grid: Grid,
    passes: int,
) -> None:
    """Do `descend` with torch's own operations, one colour of pixels at a time."""
    before, pace, toll = plan.clone(), 1.0, price[:, None, None] * grid.cost
    stiff, room = stiffness[:, None], torch.where(wanted > -math.inf, cap[:, None], math.inf)
    for number in range(passes):
        if number:
            ahead = (1 + math.sqrt(1 + 4 * pace * pace)) / 2
            share, pace = (pace - 1) / ahead, ahead
            further = (plan + share * (plan - before)).clamp(min=0)
            before.copy_(plan)
            plan.copy_(further * (mass / further.sum(2).clamp(min=torch.finfo(mass.dtype).tiny))[:, :, None])
            arrived.copy_(images(plan, grid))
        full = arrived + excess / stiff > room
        weight = torch.where(full, 1 + stiff, 1)
        target = torch.where(full, (wanted + stiff * cap[:, None] - excess) / weight, wanted)
        for colour in (*grid.colours, *reversed(grid.colours)):
            places = grid.window[colour].flatten()
            old = plan[:, colour]
            heavy = weight[:, places].view_as(old)
            best = (target - arrived)[:, places].view_as(old) + old - toll / heavy
            new = on_simplex(best, heavy, mass[:, colour])
            arrived.index_add_(1, places, (new - old).flatten(1))
            plan[:, colour] = new
    excess.add_(stiff * (arrived - room)).clamp_(min=0)


def on_simplex(
    point: Float64[Tensor, "b n k"], weight: Float64[Tensor, "b n k"], mass: Float64[Tensor, "b n"]
) -> Float64[Tensor, "b n k"]:
    """Return the nearest points, by weighted squares, that are not negative and sum to the mass; -inf stays empty."""
    order = (point * weight).argsort(2, descending=True)
    high, light = point.gather(2, order), 1 / weight.gather(2, order)
    known = high.isfinite()
    level = (high.where(known, 0).cumsum(2) - mass[:, :, None]) / light.cumsum(2)
    count = ((high > level * light) & known).sum(2, keepdim=True).clamp(min=1)
    return (point - level.gather(2, count - 1) / weight).clamp(min=0)


def images(plan: Plan, grid: Grid) -> Padded:
    """Return what arrives by the plans."""
    out = plan.new_zeros(len(plan), grid.length)
    return out.index_add_(1, grid.window.flatten(), plan.flatten(1))


def priced(
    plan: Plan, value: Padded, mass: Float64[Tensor, "b n"], price: PerExample, grid: Grid
) -> tuple[PerExample, PerExample]:
    """Return the plans' costs, and what the best plans gain: the sum of mass * max(value - price * cost - own value).

    Args:
        plan: the plans.
        value: the worth of a unit of mass at each place, -inf around the image.
        mass: the mass of each pixel.
        price: the price of a unit of cost.
        grid: the geometry.
    """
    if COMPILED and plan.device.type == "cpu":
        from hauberk.kernels import compiled_transport

        out = plan.new_empty(len(plan), 2)
        tables = arrays(plan, value, mass, price, grid.pixels, grid.offsets, grid.cost)
        in_threads(compiled_transport.priced, len(plan), *tables, out.numpy())
        return out[:, 0], out[:, 1]
    best = (value[:, grid.window] - price[:, None, None] * grid.cost).amax(2) - grid.inside(value)
    return (plan * grid.cost).sum((1, 2)), (mass * best.where(mass > 0, 0)).sum(1)
