"""Upper bounds of what an image is worth that transport within a budget makes, by entropy (conjugate Sinkhorn)."""

import torch
from jaxtyping import Float64, Int
from torch import Tensor

from hauberk.kernels.transport_grid import Grid

STEPS = 60


def entropic_support(
    values: Float64[Tensor, "r n"],
    owner: Int[Tensor, "r"],
    mass: Float64[Tensor, "b n"],
    radius: Float64[Tensor, "b"],
    grid: Grid,
    sharpness: float,
    steps: int = STEPS,
) -> Float64[Tensor, "r"]:
    """Return, for each row of values, an upper bound of `transport_support.support`, which is exact.

    It is price * radius + sum of mass * log of the sum of exp(sharpness * (value - price * cost)) / sharpness, a bound
    at every price, hence after any number of steps: with the row's dual variables eliminated, a convex function of the
    price, whose slope is bisected. At the best price it is too large by at most log(k) / sharpness.

    Takes memory of rows * pixels * k numbers.

    Args:
        values: the worth of a unit of mass in each pixel.
        owner: the example that each row belongs to.
        mass: the pixels' mass.
        radius: the largest costs.
        grid: the geometry.
        sharpness: what worth weighs beside entropy (lambda).
        steps: the number of halvings.

    Source: Wong, Schmidt & Kolter 2019, Appendix, with the price by bisection instead of Newton's method.
    """
    found = sharpness * grid.padded(values, -torch.inf)[:, grid.window]
    parts = found.split([int(size) for size in grid.levels.diff()], 2)
    gain = torch.stack([part.logsumexp(2) for part in parts], 2)
    weight, budget, cost = mass[owner], radius[owner], grid.level_cost
    least = cost[1] if len(cost) > 1 else 1.0
    # At this price, no offset's term is more than exp(-room) of the pixel's own: what is paid is in the budget.
    room = (len(grid.cost) * cost.amax() / budget.clamp(min=1e-300)).clamp(min=1).log()
    rises = ((gain - gain[:, :, :1]) / cost.clamp(min=1e-300)).where(weight[:, :, None] > 0, 0)
    low, high = torch.zeros_like(budget), rises.amax((1, 2)).clamp(min=0) + room / least

    def at(price: Tensor) -> tuple[Tensor, Tensor]:
        term = gain - price[:, None, None] * cost
        paid = (weight * (term.softmax(2) * cost).sum(2)).sum(1)
        return price * budget + (weight * term.logsumexp(2)).where(weight > 0, 0).sum(1), paid

    best = torch.minimum(at(low)[0], at(high)[0])
    for _ in range(steps):
        price = (low + high) / 2
        worth, paid = at(price)
        best = torch.minimum(best, worth)
        low, high = torch.where(paid > budget, price, low), torch.where(paid > budget, high, price)
    return best / sharpness
