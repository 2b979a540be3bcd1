"""Two ways to a near image that transport within a budget can make."""

from dataclasses import dataclass
from typing import Literal

from jaxtyping import Float64
from torch import Tensor

from hauberk.kernels.sinkhorn import sinkhorn
from hauberk.kernels.transport_grid import Grid
from hauberk.sets.transport import FAR, nearest
from hauberk.sets.transport_limits import within_budget, within_cap

Projection = Literal["exact", "entropic"]


@dataclass(frozen=True)
class Method:
    """The way to project.

    "exact" answers with the nearest image. "entropic" answers with that of least sharpness / 2 * |distance|^2 + sum of
    plan * log(plan), its plan then cut down to the largest value of a pixel.

    Args:
        tolerance: the largest duality gap, as a share of half the squared distance, or of the entropic objective.
        projection: which of the two.
        sharpness: what squared distances weigh beside entropy (lambda).
    """

    tolerance: float
    projection: Projection
    sharpness: float


def projected(
    wanted: Float64[Tensor, "b n"],
    mass: Float64[Tensor, "b n"],
    cap: Float64[Tensor, "b"],
    radius: Float64[Tensor, "b"],
    grid: Grid,
    method: Method,
    near: Float64[Tensor, "b"],
) -> Float64[Tensor, "b n k"]:
    """Return plans of cost at most `radius` whose images are near those wanted, and nowhere above the cap.

    Arguments are those of `nearest`. Wishes without bounds are cut to far ones.
    """
    if method.projection == "exact":
        return nearest(wanted, mass, cap, radius, grid, method.tolerance, near)
    plan = sinkhorn(wanted.clamp(-FAR, FAR), mass, radius, method.sharpness, grid, method.tolerance).plan
    return within_cap(within_budget(plan, mass, radius, grid), mass, cap, grid)
