"""Perturbation sets that are boxes."""

from dataclasses import dataclass, replace
from functools import cached_property
from math import inf

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.radius import per_example
from hauberk.concepts.rounding import neighbours
from hauberk.sets.moves import capped_multiple


@dataclass(frozen=True)
class BoxSet(NormBall):
    """The points of a box around `start`: a ball in an l_inf norm that measures each coordinate by the box's own reach.

    The norm is `radius` where a coordinate moves from `start` to the farther end of its interval. The nearer end cuts
    the ball, as a range of valid inputs does: no point outside the box counts as valid, and fixed coordinates stay.

    Args:
        start: the unperturbed points.
        radius: the nominal radii, in units of the input, which attacks scale their steps by.
        box: the boxes.
        within: the range of valid inputs, in which the boxes lie; None if every number is valid.
    """

    start: Float[Tensor, "b *z"]
    radius: Float[Tensor, "b"]
    box: Box
    within: tuple[float, float] | None
    symmetric = False  # a box may reach farther on one side
    p = inf
    is_box = True

    @classmethod
    def filling(cls, start: Float[Tensor, "b *z"], box: Box, within: tuple[float, float] | None) -> "BoxSet":
        """Return the sets that fill boxes around `start`; the radius is the farthest that a coordinate may move."""
        return cls(start, torch.maximum(box.upper - start, start - box.lower).flatten(1).amax(1), box, within)

    @cached_property
    def weight(self) -> Float[Tensor, "*#z"]:
        """The reach of each coordinate as a share of the radius: 0 if it is fixed."""
        reach = torch.maximum(self.box.upper - self.start, self.start - self.box.lower)
        radius = per_example(self.radius, reach)
        return torch.where(radius > 0, reach / radius, 0)

    @cached_property
    def limits(self) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
        return self.box.lower, self.box.upper

    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "BoxSet":
        box = Box(self.box.lower[index], self.box.upper[index])
        return replace(self, start=self.start[index], radius=self.radius[index], box=box)

    def to(self, dtype: torch.dtype) -> "BoxSet":
        """Return the set in another precision; a wider one holds the interval that each side was rounded from."""
        lower, upper = self.box.lower, self.box.upper
        if torch.finfo(dtype).eps < torch.finfo(lower.dtype).eps:
            lower = torch.where(lower < self.start, neighbours(lower, -inf), lower)
            upper = torch.where(upper > self.start, neighbours(upper, inf), upper)
        return replace(self, start=self.start.to(dtype), radius=self.radius.to(dtype), box=Box(lower, upper).to(dtype))

    def project(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        return z.clamp(self.box.lower, self.box.upper)

    def steepest_step(
        self, z: Float[Tensor, "b *z"], gradient: Float[Tensor, "b *z"], length: Float[Tensor, "b"], noise: Noise
    ) -> Float[Tensor, "b *z"]:
        return torch.addcmul(z, gradient.sign(), per_example(length, z) * self.weight)

    def sample(self, noise: Noise) -> Float[Tensor, "b *z"]:
        """Return a uniform point of the box per example."""
        share = noise.uniform(tuple(self.start.shape[1:]), self.start.dtype)
        return self.project(torch.lerp(self.box.lower, self.box.upper, share))

    def contains(self, z: Float[Tensor, "b *z"], atol: float = 0.0) -> Bool[Tensor, "b"]:
        return ((z >= self.box.lower - atol) & (z <= self.box.upper + atol)).flatten(1).all(1)

    def support_function(self, c: Float[Tensor, "b k *z"]) -> Float[Tensor, "b k"]:
        c = c.flatten(2)
        center, radius = self.box.center.flatten(1), self.box.radius.flatten(1)
        return (c @ center[:, :, None] + c.abs() @ radius[:, :, None])[:, :, 0]

    def bounding_box(self) -> Box:
        return self.box

    def size(self, move: Float[Tensor, "b *z"]) -> Float[Tensor, "b"]:
        """Return the norm of a difference of points; infinite where a fixed coordinate differs."""
        return torch.where(move == 0, 0, move.abs() / self.weight).flatten(1).amax(1)

    def resized(self, radius: Float[Tensor, "b"]) -> "BoxSet":
        """Return the boxes with other radii, cut by the ends of these."""
        reach = per_example(radius, self.start) * self.weight
        return replace(self, radius=radius, box=Box(self.start - reach, self.start + reach).intersect(self.box))

    def uncut(self) -> NormBall:
        """Return the boxes that reach as far on their nearer sides as on the farther ones."""
        reach = per_example(self.radius, self.start) * self.weight
        return replace(self, box=Box(self.start - reach, self.start + reach), within=None)

    def dual_vector(self, w: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        return w.sign() * self.weight

    def cheapest_move(
        self, gain: Float[Tensor, "b n"], room: Float[Tensor, "b n"], need: Float[Tensor, "b 1"]
    ) -> Float[Tensor, "b n"]:
        return capped_multiple(self.weight.flatten(1).expand_as(gain), gain, room, need)
