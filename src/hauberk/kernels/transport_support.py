"""The largest worth of an image that transport within a budget can make."""

from typing import Any

import torch
from jaxtyping import Float64, Int
from torch import Tensor

from hauberk.kernels.gradients import gradients
from hauberk.kernels.rows import COMPILED, arrays
from hauberk.kernels.threads import in_threads
from hauberk.kernels.transport_grid import Grid

Values = Float64[Tensor, "r n"]
PerRow = Float64[Tensor, "r"]
MOST_STEPS = 60
TIE = 1e-12
"""The difference up to which two places are worth as much, as a share of their worth and of the price."""


def support(
    values: Values, owner: Int[Tensor, "r"], mass: Float64[Tensor, "b n"], radius: Float64[Tensor, "b"], grid: Grid
) -> PerRow:
    """Return, for each row of values, the largest sum of value * image over the images within its owner's budget.

    It is the minimum over prices of price * radius + sum of mass * max over the window of (value - price * cost), a
    convex function of one number, of which every price gives an upper bound. Tangents from both sides meet at the
    minimum after some ten evaluations. Gradients pass to the values, the image that is worth most, and to the radius.
    Rows with a value that is not finite get NaN.

    Args:
        values: the worth of a unit of mass in each pixel.
        owner: the example that each row belongs to.
        mass: the pixels' mass.
        radius: the largest costs.
        grid: the geometry.
    """
    return Support.apply(values, owner, mass, radius, grid)  # pyright: ignore[reportReturnType]


def worthiest(worth: Values, mass: Values, radius: PerRow, grid: Grid) -> Values:
    """Return the image that is worth most among those that transport makes of each example's mass within the radius."""
    with gradients():
        asked = worth.detach().requires_grad_()
        found = support(asked, torch.arange(len(worth), device=worth.device), mass, radius, grid)
        return torch.autograd.grad(found.sum(), asked)[0]


class Support(torch.autograd.Function):
    """`support`, with its gradient."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, owner: Tensor, mass: Tensor, radius: Tensor, grid: Grid) -> Tensor:
        out = support_and_price(values, owner, mass, radius, grid)
        ctx.save_for_backward(values, owner, mass, radius, out[:, 1].contiguous())
        ctx.grid = grid
        return out[:, 0]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, scale: Tensor) -> tuple[Tensor | None, ...]:
        values, owner, mass, radius, price = ctx.saved_tensors
        best = maximisers(values, owner, mass, radius, price, ctx.grid)
        slope = torch.zeros_like(radius).index_add_(0, owner, scale * price)
        return best * scale[:, None], None, None, slope, None


def support_and_price(
    values: Values, owner: Tensor, mass: Tensor, radius: Tensor, grid: Grid
) -> Float64[Tensor, "r 2"]:
    """Return `support`, and the prices of cost at which it is attained."""
    if COMPILED and values.device.type == "cpu":
        from hauberk.kernels import compiled_transport_support

        out = values.new_empty(len(values), 2)
        tables = arrays(values, owner, mass, radius, grid.pixels, grid.offsets, grid.levels, grid.level_cost)
        in_threads(compiled_transport_support.support, len(values), *tables, grid.length, out.numpy(), grain=8)
        return out
    return plain_support(values, owner, mass, radius, grid)


def plain_support(values: Values, owner: Tensor, mass: Tensor, radius: Tensor, grid: Grid) -> Float64[Tensor, "r 2"]:
    """Return `support_and_price`, computed with torch's own operations."""
    gain, weight, budget = gains(values, grid), mass[owner], radius[owner]

    def at(price: Tensor) -> tuple[Tensor, Tensor]:
        best, level = (gain - price[:, None, None] * grid.level_cost).max(2)
        worth = (weight * best.where(weight > 0, 0)).sum(1)
        return price * budget + worth, budget - (weight * grid.level_cost[level]).sum(1)

    slopes = (gain - gain[:, :, :1]) / grid.level_cost.clamp(min=1e-300)
    low = torch.zeros_like(budget)
    high = slopes.where(weight[:, :, None] > 0, 0).amax((1, 2)).clamp(min=0)
    (below, down), (above, up) = at(low), at(high)
    finite = values.isfinite().all(1)
    best, price = torch.minimum(below, above), torch.where(below <= above, low, high)
    open_ = (down < 0) & (up > 0) & finite
    for step in range(MOST_STEPS):
        if not open_.any():
            break
        cut = (above - below + down * low - up * high) / torch.where(open_, down - up, 1)
        least = below + down * (cut - low)
        if step % 3 == 2:
            cut = (low + high) / 2
        cut = torch.where((low < cut) & (cut < high), cut, (low + high) / 2)
        here, slope = at(cut)
        better = open_ & (here < best)
        best, price = torch.where(better, here, best), torch.where(better, cut, price)
        falls, rises = open_ & (slope < 0), open_ & (slope >= 0)
        low, below, down = (
            torch.where(falls, cut, low),
            torch.where(falls, here, below),
            torch.where(falls, slope, down),
        )
        high, above, up = torch.where(rises, cut, high), torch.where(rises, here, above), torch.where(rises, slope, up)
        open_ = open_ & (best - least > 1e-14 * least.abs()) & (low < high)
    return torch.stack([best, price], 1).where(finite[:, None], torch.nan)


def gains(values: Values, grid: Grid) -> Float64[Tensor, "r n d"]:
    """Return the largest value that each pixel finds at each cost."""
    found = grid.padded(values, -torch.inf)[:, grid.window]
    parts = found.split([int(size) for size in grid.levels.diff()], 2)
    return torch.stack([part.amax(2) for part in parts], 2)


def maximisers(values: Values, owner: Tensor, mass: Tensor, radius: Tensor, price: PerRow, grid: Grid) -> Values:
    """Return, for each row of values, an image that is worth most at the price of cost at which it is worth most.

    Where several places are worth as much, shares of the nearest and of the farthest make the cost the radius. Rows
    with a value that is not finite get NaN.
    """
    out = torch.zeros_like(values)
    if COMPILED and values.device.type == "cpu":
        from hauberk.kernels import compiled_transport_support

        tables = arrays(values, owner, mass, radius, price, grid.pixels, grid.offsets, grid.cost, grid.places)
        in_threads(compiled_transport_support.maximisers, len(values), *tables, TIE, out.numpy(), grain=8)
        return out
    found = grid.padded(values, -torch.inf)[:, grid.window] - price[:, None, None] * grid.cost
    best = found.amax(2, keepdim=True)
    tied = found >= best - TIE * (best.abs() + price[:, None, None])
    nearest = tied.long().argmax(2)
    farthest = len(grid.cost) - 1 - tied.flip(2).long().argmax(2)
    weight = mass[owner]
    least, most = ((weight * grid.cost[place]).sum(1) for place in (nearest, farthest))
    share = ((radius[owner] - least) / (most - least).where(most > least, 1)).clamp(0, 1).where(most > least, 0)
    for place, part in ((nearest, 1 - share), (farthest, share)):
        to = grid.places[grid.window].expand_as(found).gather(2, place[:, :, None])[:, :, 0]
        out.scatter_add_(1, to, part[:, None] * weight)
    return out.where((values.isfinite().all(1) & price.isfinite())[:, None], torch.nan)
