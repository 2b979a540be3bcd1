"""The entropic plans whose images are nearest to those wanted: the fixed points of projected Sinkhorn iteration."""

from typing import NamedTuple

import torch
from jaxtyping import Float64
from torch import Tensor

from hauberk.kernels.plain_sinkhorn import plain_sinkhorn
from hauberk.kernels.rows import COMPILED, arrays
from hauberk.kernels.threads import in_threads
from hauberk.kernels.transport_grid import Grid

MOST_ROUNDS = 400
"""Four times as many as images a thousand times as far away as a step takes them have been seen to need."""


class Entropic(NamedTuple):
    """Entropic plans.

    Args:
        plan: the plans, of cost at most the radius up to rounding.
        dual: what a pixel lacks of the image that is wanted, times the sharpness, once the search is done: what draws
            mass there. 0 where no mass can come.
        report: the price of a unit of cost, the duality gap, what it is measured by, and the rounds.
    """

    plan: Float64[Tensor, "b n k"]
    dual: Float64[Tensor, "b n"]
    report: Float64[Tensor, "b 4"]


def sinkhorn(
    wanted: Float64[Tensor, "b n"],
    mass: Float64[Tensor, "b n"],
    radius: Float64[Tensor, "b"],
    sharpness: float,
    grid: Grid,
    tolerance: float,
    most: int = MOST_ROUNDS,
) -> Entropic:
    """Return the plans of least sharpness / 2 * |wanted - image|^2 + sum of plan * log(plan) within the budget.

    Each source shares its mass out in proportion to exp(dual - price * cost), so that rows are exact in every round,
    and the price is the least within the budget. What is left is a convex function of the dual variables alone, whose
    slope is image - wanted + dual / sharpness. Newton's method, its steps found by conjugate gradients, takes some four
    rounds where alternate (Sinkhorn) steps on rows, columns and the price take hundreds; stiff problems are led through
    softer ones. The duality gap is sharpness / 2 * |slope|^2 + price * (radius - cost), measured by the objective
    counted from that of mass shared out at will: sharpness / 2 * |wanted - image|^2 + the entropy of sources' shares.

    An example is done by its own gap. After any number of rounds, its plan costs at most the radius, up to rounding. An
    image without mass or radius stays at rest; one wanted that is not finite makes a plan of NaN. A round takes O(s k)
    exponentials for s pixels with mass, and each of its steps O(s k) other operations.

    Args:
        wanted: the images wanted.
        mass: the pixels' mass, 1 in all; or 0 everywhere.
        radius: the largest costs.
        sharpness: what squares weigh beside entropy (lambda).
        grid: the geometry.
        tolerance: the duality gap's share.
        most: the largest number of rounds.

    Source: Wong, Schmidt & Kolter 2019, for the problem and its dual.
    """
    plan = torch.zeros(*mass.shape, len(grid.cost), dtype=mass.dtype, device=mass.device)
    plan[:, :, 0] = mass
    found = Entropic(plan, torch.zeros_like(mass), mass.new_zeros(len(mass), 4))
    if COMPILED and plan.device.type == "cpu":
        from hauberk.kernels import compiled_sinkhorn

        tables = arrays(grid.padded(wanted), mass, radius)
        places = arrays(grid.pixels, grid.offsets, grid.levels, grid.cost, grid.places, *found)
        in_threads(compiled_sinkhorn.sinkhorn, len(mass), *tables, float(sharpness), tolerance, most, *places)
    else:
        plain_sinkhorn(wanted, mass, radius, sharpness, grid, tolerance, most, *found)
    return found
