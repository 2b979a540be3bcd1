"""Distance neurons, the layers of l_inf-distance networks."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.lowering import Lowered, Stored, Value, lowers
from hauberk.concepts.op import Relaxable
from hauberk.functions.window_relaxation import WindowRelaxation
from hauberk.kernels.lp_distance import lp_distance
from hauberk.kernels.lp_reach import extremes, lp_reach

ROUNDINGS = 16
"""Allowed error, in units of eps, of the terms of a line and of a distance."""


@dataclass(frozen=True)
class LpDistance(Relaxable):
    """The l_p distances of the last dimension from the rows of a matrix.

    On a box each |z_i - w_i| has a least and a largest value, attained together at a corner: intervals are exact. At p =
    inf, lines read one input each. Upper line: for the i with the largest end, the distance is at most max(|z_i - w_i|,
    v), v being the largest end of the others; this is convex in z_i, so its chord lies above. Lower line: a line below
    |z_i - w_i|, for the i that keeps the farthest from its weight; where zero lies inside, its slope is `choice`, scaled
    to [-1, 1]. For finite p the lines are constants: the ends of the interval.

    Args:
        weight: the rows.
        p: the exponent.
    """

    weight: Float[Tensor, "out in"]
    p: Float[Tensor, ""]

    @property
    def additions(self) -> int:
        return 2 * len(self.weight)

    def __call__(self, z: Float[Tensor, "b *s in"]) -> Float[Tensor, "b *s out"]:
        return lp_distance(z, self.weight, self.p)

    def interval(self, box: Box) -> Box:
        least = lp_reach(box.lower, box.upper, self.weight, self.p)
        most = lp_reach(box.upper, box.lower, self.weight, self.p)
        share = self.error(box.lower.dtype)
        return Box.positive(least * (1 - share), most * (1 + share) + torch.finfo(most.dtype).tiny)

    def error(self, dtype: torch.dtype) -> Float[Tensor, ""]:
        """Return the largest error of a distance, as a share of it: at p = inf that of a subtraction."""
        sums = torch.where(self.p.isinf(), 0, ROUNDINGS + self.weight.shape[1] / self.p)
        return (2 * ROUNDINGS + sums.to(dtype)) * (torch.finfo(dtype).eps / 2)

    def relax(self, box: Box, choice: Float[Tensor, "b *s out"] | None = None) -> WindowRelaxation:
        near, far, second = extremes(box.lower, box.upper, self.weight)
        below, above, weight = self.sides(box, near)
        inner = torch.where(below + above >= 0, 1.0, -1.0).to(below) if choice is None else 2 * choice - 1
        slope = torch.where(below >= 0, 1.0, torch.where(above <= 0, -1.0, inner))
        return self.lines(box, slope, self.intercept(slope, below, above, weight), near, *self.chord(box, far, second))

    def relax_parallel(self, box: Box) -> WindowRelaxation:
        _, far, second = extremes(box.lower, box.upper, self.weight)
        index, slope, intercept = self.chord(box, far, second)
        below, above, weight = self.sides(box, far)
        return self.lines(box, slope, self.intercept(slope, below, above, weight), far, index, slope, intercept)

    def chord(
        self, box: Box, far: Int[Tensor, "b *s out"], second: Int[Tensor, "b *s out"]
    ) -> tuple[Int[Tensor, "b *s out"], Float[Tensor, "b *s out"], Float[Tensor, "b *s out"]]:
        """Return the index, slope and intercept of the upper line."""
        below, above, weight = self.sides(box, far)
        others = torch.maximum(*(end.abs() for end in self.sides(box, second)[:2]))
        others = torch.where(second == far, 0, others)  # of a single input, there are none
        left, right = torch.maximum(below.abs(), others), torch.maximum(above.abs(), others)
        width = above - below
        slope = torch.where(width > 0, (right - left) / torch.where(width > 0, width, 1), 0).clamp(-1, 1)
        intercept = torch.maximum(left - slope * below, right - slope * above) - slope * weight
        return far, slope, intercept + self.allowance(below, above, weight) + self.error(weight.dtype) * right

    def intercept(self, slope: Tensor, below: Tensor, above: Tensor, weight: Tensor) -> Float[Tensor, "b *s out"]:
        """Return the intercept of a line of slope in [-1, 1] below |z - weight|, which it touches."""
        touch = torch.maximum(below, torch.minimum(above, torch.zeros_like(above)))
        return touch.abs() - slope * touch - slope * weight - self.allowance(below, above, weight)

    def allowance(self, below: Tensor, above: Tensor, weight: Tensor) -> Float[Tensor, "b *s out"]:
        """Return the largest error of a line's intercept, and of the distance that it bounds."""
        limits = torch.finfo(weight.dtype)
        size = torch.maximum(below.abs(), above.abs()) + weight.abs()
        return (size * (ROUNDINGS * limits.eps)).detach() + limits.tiny

    def lines(
        self,
        box: Box,
        lower_slope: Tensor,
        lower_intercept: Tensor,
        lower_index: Tensor,
        upper_index: Tensor,
        upper_slope: Tensor,
        upper_intercept: Tensor,
    ) -> WindowRelaxation:
        """Return the relaxation with these lines; with constants if p is finite."""
        exact, image = self.p.isinf(), self.interval(box)
        return WindowRelaxation(
            lower_slope=torch.where(exact, lower_slope, 0),
            upper_slope=torch.where(exact, upper_slope, 0),
            upper_intercept=torch.where(exact, upper_intercept, image.upper),
            lower_intercept=torch.where(exact, lower_intercept, image.lower),
            lower_index=lower_index,
            upper_index=upper_index,
            shape=tuple(box.lower.shape[1:]),
            space=1,
        )

    def sides(self, box: Box, index: Int[Tensor, "b *s out"]) -> tuple[Tensor, Tensor, Tensor]:
        """Return the least and largest z_i - w_i, and the w_i, of one input i for each neuron."""
        weight = self.weight[torch.arange(len(self.weight), device=index.device), index]
        return box.lower.gather(-1, index) - weight, box.upper.gather(-1, index) - weight, weight


def nearest(x: Tensor) -> Tensor:
    """Return the distances of a case for laws."""
    weight = torch.linspace(-3, 3, 30, dtype=x.dtype).view(5, 6)
    far = lp_distance(x, weight, torch.tensor(torch.inf, dtype=x.dtype))
    return torch.cat([far, lp_distance(x, weight, torch.tensor(3.0, dtype=x.dtype))], -1)


@lowers(torch.ops.hauberk.lp_distance.default, case=nearest)
def lower_lp_distance(z: Value, weight: Stored, p: Stored, *, shape: tuple[int, ...]) -> Lowered:
    """Lower the distances of l_inf-distance layers."""
    return Lowered(LpDistance, (z,), (weight, p))
