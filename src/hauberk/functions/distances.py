"""Neurons that combine the distances of their inputs from their weights: the largest one, or several by weight."""

from abc import abstractmethod
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.op import Relaxable
from hauberk.functions.window_relaxation import WindowRelaxation
from hauberk.kernels.lp_reach import extremes

ROUNDINGS = 16
"""Allowed error, in units of eps, of the terms of a line and of a distance."""


@dataclass(frozen=True)
class Distances(Relaxable):
    """u_o = sum_k shares_k d_(k), with d_(1) >= d_(2) >= ... the sorted |z_i - w_oi| and shares that do not increase.

    On a box each distance has a least and a largest value, attained together at a corner: intervals are exact. Lines
    read one input each. Upper line, for the i with the largest end: with the other distances at their largest, u is
    convex in z_i, so its chord lies above. Lower line, for the i that keeps the farthest from its weight: u is at least
    shares_1 |z_i - w_i| plus what the others contribute at their least; where zero lies inside, the slope is `choice`,
    scaled to [-1, 1].

    Args:
        weight: the w.
    """

    weight: Float[Tensor, "out in"]

    @property
    @abstractmethod
    def shares(self) -> Float[Tensor, "k"]:
        """The weights of the largest distances; they do not increase, and sum up to 1."""

    @property
    def roundings(self) -> int:
        return 1 if len(self.shares) == 1 else len(self.shares) + 3

    @property
    def additions(self) -> int:
        return 2 * len(self.weight)

    def relax(self, box: Box, choice: Float[Tensor, "b *s out"] | None = None) -> WindowRelaxation:
        near, far = extremes(box.lower, box.upper, self.weight, len(self.shares) + 1)
        below, above, _ = self.sides(box, near)
        inner = torch.where(below + above >= 0, 1.0, -1.0).to(below) if choice is None else 2 * choice - 1
        slope = torch.where(below >= 0, 1.0, torch.where(above <= 0, -1.0, inner))
        return self.lines(box, near, near, slope, far[..., 0], *self.chord(box, far))

    def relax_parallel(self, box: Box) -> WindowRelaxation:
        near, far = extremes(box.lower, box.upper, self.weight, len(self.shares) + 1)
        slope, intercept = self.chord(box, far)
        first = self.shares[0]
        return self.lines(box, near, far[..., 0], (slope / first).clamp(-1, 1), far[..., 0], slope, intercept)

    def lines(
        self,
        box: Box,
        near: Tensor,
        index: Tensor,
        slope: Tensor,
        far: Tensor,
        upper_slope: Tensor,
        upper_intercept: Tensor,
    ) -> WindowRelaxation:
        """Return the relaxation: below, shares_1 times the line of this slope that touches |z_i - w_i| for i = index.

        To it come the least distances in their order without the first of them, that of `near`: whichever i is put
        first, those that remain are at least as large.
        """
        below, above, weight = self.sides(box, index)
        first = self.shares[0]
        touch = torch.maximum(below, torch.minimum(above, torch.zeros_like(above)))
        intercept = first * (touch.abs() - slope * touch - slope * weight) - self.allowance(below, above, weight)
        if len(self.shares) > 1:
            after, before, _ = self.sides(box, near)
            others, most = self.interval(box).lower, torch.maximum(after, -before).clamp(min=0)
            intercept = intercept + (others - first * most - others * self.share(others)).clamp(min=0)
        return WindowRelaxation(
            lower_slope=first * slope,
            upper_slope=upper_slope,
            upper_intercept=upper_intercept,
            lower_intercept=intercept,
            lower_index=index,
            upper_index=far,
            shape=tuple(box.lower.shape[1:]),
            space=1,
        )

    def chord(
        self, box: Box, far: Int[Tensor, "b *s out k"]
    ) -> tuple[Float[Tensor, "b *s out"], Float[Tensor, "b *s out"]]:
        """Return the slope, at most shares_1, and the intercept of the upper line."""
        low, high, weights = self.sides(box, far)
        below, above, weight = low[..., 0], high[..., 0], weights[..., 0]
        others = torch.maximum(-low, high)[..., 1:]
        left, right = (self.combined(torch.cat([end.abs()[..., None], others], -1)) for end in (below, above))
        width = above - below
        slope = torch.where(width > 0, (right - left) / torch.where(width > 0, width, 1), 0)
        slope = torch.minimum(torch.maximum(slope, -self.shares[0]), self.shares[0])
        intercept = torch.maximum(left - slope * below, right - slope * above) - slope * weight
        most = torch.maximum(left, right).detach()
        return slope, intercept + self.allowance(below, above, weight) + self.share(most) * most

    def combined(self, distances: Float[Tensor, "*b k"]) -> Float[Tensor, "*b"]:
        """Return the weighted sum of the largest distances."""
        if len(self.shares) == 1:
            return distances.amax(-1)
        missing = max(len(self.shares) - distances.shape[-1], 0)
        ordered = F.pad(distances.sort(-1, descending=True).values, (0, missing))
        return ordered[..., : len(self.shares)] @ self.shares

    def share(self, like: Tensor) -> float:
        """Return the largest error of a weighted sum of distances, as a share of it."""
        return (2 * ROUNDINGS + self.roundings) * torch.finfo(like.dtype).eps / 2

    def allowance(self, below: Tensor, above: Tensor, weight: Tensor) -> Float[Tensor, "b *s out"]:
        """Return the largest error of a line's intercept, and of the distance that it bounds."""
        limits = torch.finfo(weight.dtype)
        size = torch.maximum(below.abs(), above.abs()) + weight.abs()
        return (size * (ROUNDINGS * limits.eps)).detach() + limits.tiny

    def sides(self, box: Box, index: Int[Tensor, "b ..."]) -> tuple[Tensor, Tensor, Tensor]:
        """Return the least and largest z_i - w_i, and the w_i, of inputs i of each neuron."""
        rows = torch.arange(len(self.weight), device=index.device)
        several = index.ndim > box.lower.ndim
        weight = self.weight[rows[:, None] if several else rows, index]
        flat = index.flatten(-2) if several else index
        below, above = (end.gather(-1, flat).view(index.shape) - weight for end in (box.lower, box.upper))
        return below, above, weight
