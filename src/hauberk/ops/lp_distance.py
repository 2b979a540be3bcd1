"""Distance neurons, the layers of l_inf-distance networks."""

import math
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.lowering import Lowered, Stored, Value, lowers
from hauberk.functions.distances import ROUNDINGS, Distances
from hauberk.functions.window_relaxation import WindowRelaxation
from hauberk.kernels.lp_distance import lp_distance
from hauberk.kernels.lp_reach import lp_reach


@dataclass(frozen=True)
class LpDistance(Distances):
    """The l_p distances of the last dimension from the rows of a matrix.

    For finite p intervals are exact, too, and lines are constants: the ends of the interval.

    Args:
        weight: the rows.
        p: the exponent.
    """

    weight: Float[Tensor, "out in"]
    p: Float[Tensor, ""]
    unbounded = "margins certify at p = inf alone; finish training, or set layer.relax(math.inf)"

    @property
    def shares(self) -> Float[Tensor, "1"]:
        return self.weight.new_ones(1)

    def lipschitz(self) -> float:
        return 1.0 if self.p.isinf() else math.inf

    def __call__(self, z: Float[Tensor, "b *s in"]) -> Float[Tensor, "b *s out"]:
        return lp_distance(z, self.weight, self.p)

    def interval(self, box: Box) -> Box:
        least = lp_reach(box.lower, box.upper, self.weight, self.p)
        most = lp_reach(box.upper, box.lower, self.weight, self.p)
        sums = torch.where(self.p.isinf(), 0, ROUNDINGS + self.weight.shape[1] / self.p)
        share = (2 * ROUNDINGS + sums.to(least.dtype)) * (torch.finfo(least.dtype).eps / 2)
        return Box.positive(least * (1 - share), most * (1 + share) + torch.finfo(most.dtype).tiny)

    def relax(self, box: Box, choice: Float[Tensor, "b *s out"] | None = None) -> WindowRelaxation:
        return self.exact(box, super().relax(box, choice))

    def relax_parallel(self, box: Box) -> WindowRelaxation:
        return self.exact(box, super().relax_parallel(box))

    def exact(self, box: Box, lines: WindowRelaxation) -> WindowRelaxation:
        """Return the lines if p is infinite, otherwise constants."""
        infinite, image = self.p.isinf(), self.interval(box)
        return replace(
            lines,
            lower_slope=torch.where(infinite, lines.lower_slope, 0),
            upper_slope=torch.where(infinite, lines.upper_slope, 0),
            upper_intercept=torch.where(infinite, lines.upper_intercept, image.upper),
            lower_intercept=torch.where(infinite, lines.lower_intercept, image.lower),  # pyright: ignore
        )


WEIGHT, *EXPONENTS = (
    t.double() for t in (torch.linspace(-3, 3, 30).view(5, 6), torch.tensor(3.0), torch.tensor(math.inf))
)


def distances(x: Tensor) -> Tensor:
    """Return the distances of a case for laws."""
    return torch.cat([lp_distance(x, WEIGHT, p) for p in EXPONENTS], -1)


@lowers(torch.ops.hauberk.lp_distance.default, case=distances)
def lower_lp_distance(z: Value, weight: Stored, p: Stored, *, shape: tuple[int, ...]) -> Lowered:
    """Lower the distances of l_inf-distance layers."""
    return Lowered(LpDistance, (z,), (weight, p))
