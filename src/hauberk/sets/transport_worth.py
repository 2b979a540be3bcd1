"""The largest worth of an image that transport makes, no pixel of which exceeds a cap."""

from jaxtyping import Float64, Int
from torch import Tensor

from hauberk.kernels.transport_bids import tolls
from hauberk.kernels.transport_grid import Grid
from hauberk.kernels.transport_support import support

Reach = tuple[Float64[Tensor, "b n"], Float64[Tensor, "b n"]]


def largest(
    values: Float64[Tensor, "r n"],
    owner: Int[Tensor, "r"],
    mass: Float64[Tensor, "b n"],
    cap: Float64[Tensor, "b"],
    radius: Float64[Tensor, "b"],
    reach: Reach,
    grid: Grid,
) -> Float64[Tensor, "r"]:
    """Return upper bounds of sum of value * image, near the largest.

    The cap is split off by tolls; where those are not good enough, the box of what each pixel can get is better.

    Args:
        values: the worth of a unit of mass in each pixel.
        owner: the example that each row belongs to.
        mass: the pixels' mass.
        cap: the largest value of a pixel, finite.
        radius: the largest costs.
        reach: the least and the largest value that each pixel can get.
        grid: the geometry.
    """
    free = tolls(values.detach(), owner, mass, cap, radius, grid)
    paid = cap[owner] * free.sum(1)
    low, high = (side[owner] for side in reach)
    boxed = (values.clamp(max=0) * low + values.clamp(min=0) * high).sum(1)
    return (support(values - free, owner, mass, radius, grid) + paid).minimum(boxed)
