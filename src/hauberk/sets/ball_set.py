"""Balls in a curved or pointed norm, cut by the range of valid inputs."""

from abc import abstractmethod
from dataclasses import dataclass, replace
from math import inf

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import ends
from hauberk.concepts.radius import per_example
from hauberk.concepts.rows import Rows
from hauberk.kernels import levels

SLACK = 2.0**-42  # relative; exceeds the rounding error of a float64 sum over a large image, in any order


@dataclass(frozen=True)
class BallSet(NormBall):
    """The points within `radius` of `start` in the l_p norm that lie in the range of valid inputs.

    Ball and range are one set: projection and support function are those of the intersection. Internally, a point is
    its offset from `start`, in float64, and a coordinate's room is the distance it may move in its direction.

    `contains` measures distances in float64, and results of `project` and `sample` are members without tolerance:
    they keep a relative distance of `SLACK` from the sphere, and are rounded to the inputs' precision towards `start`.

    Args:
        start: the centres.
        radius: the radii, in units of the input.
        within: the range of valid inputs; None if every number is valid.
    """

    start: Float[Tensor, "b *z"]
    radius: Float[Tensor, "b"]
    within: tuple[float, float] | None

    @abstractmethod
    def nearest(self, offset: Float[Tensor, "b n"], room: Float[Tensor, "b n"]) -> Float[Tensor, "b n"]:
        """Return the offset in the ball nearest to `offset`, with absolute values of at most `room`."""

    @abstractmethod
    def drawn(self, noise: Noise, n: int) -> Float[Tensor, "b n"]:
        """Return an offset uniform in the ball of radius 1, ignoring the range."""

    @abstractmethod
    def reach(self, c: Float[Tensor, "b k n"], room: Float[Tensor, "b k n"]) -> Float[Tensor, "b k"]:
        """Return the maximum of <c, offset> over the ball's offsets of at most `room` each, for c >= 0; in float64.

        Rounding errors of a multiplier cannot make it unsound: for every v between 0 and c, the value
        radius * (dual norm of c - v) + <room, v> is an upper bound, and one v attains the maximum.
        """

    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "BallSet":
        return replace(self, start=self.start[index], radius=self.radius[index])

    def resized(self, radius: Float[Tensor, "b"]) -> "BallSet":
        return replace(self, radius=radius)

    def project(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the Euclidean projection onto the intersection of ball and range; members stay as they are."""
        if levels.COMPILED and z.device.type == "cpu":
            flat, start, within = z.flatten(1), self.start.flatten(1), self.within or (-inf, inf)
            return levels.project(flat, start, self.radius, within, SLACK, euclidean=self.p == 2).view_as(z)
        return self.plain_project(z)

    def plain_project(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return `project` computed with torch's own operations."""
        offset = (z.double() - self.start.double()).flatten(1)
        room = self.room(offset.unsqueeze(1) >= 0).squeeze(1).double()
        return torch.where(per_example(self.contains(z), z), z, self.member(self.nearest(offset, room)))

    def sample(self, noise: Noise) -> Float[Tensor, "b *z"]:
        """Return a uniform point of the ball per example, clamped to the range of valid inputs."""
        offset = self.drawn(noise, self.start.shape[1:].numel())
        return self.member(offset * self.radius[:, None].double())

    def contains(self, z: Float[Tensor, "b *z"], atol: float = 0.0) -> Bool[Tensor, "b"]:
        low, high = self.within or (-inf, inf)
        offset = (z.double() - self.start.double()).flatten(1)
        in_ball = torch.linalg.vector_norm(offset, self.p, dim=1) <= self.radius.double() + atol
        return in_ball & ((z >= low - atol) & (z <= high + atol)).flatten(1).all(1)

    def size(self, move: Float[Tensor, "b *z"]) -> Float[Tensor, "b"]:
        return torch.linalg.vector_norm(move.flatten(1), self.p, dim=1)

    def support_function(self, c: Float[Tensor, "b k *z"]) -> Float[Tensor, "b k"]:
        """Return the maximum of <c, z> over the set.

        It is differentiable in radius and in c, with a maximiser of the set as gradient (the unperturbed point where
        c is 0). Sums run in float64, so that in float32 only a handful of roundings of single terms remain, of size
        |c| * |z|, fewer than in a float32 inner product. Sorts every row.
        """
        c = c.flatten(2)
        center = (c * self.start.flatten(1).unsqueeze(1)).sum(2, dtype=torch.float64)
        if c.dtype == torch.float64:  # whose squares may underflow
            size = c.detach().abs().amax(2, keepdim=True).clamp(min=torch.finfo(c.dtype).tiny)
            return center + self.farthest(c / size) * size.squeeze(2)
        return (center + self.farthest(c)).to(c.dtype)

    def farthest(self, c: Float[Tensor, "b k n"]) -> Float[Tensor, "b k"]:
        """Return the maximum of <c, offset> over the set, in float64."""
        if self.within is not None:
            return self.reach(c.abs(), self.room(c >= 0))
        dual = inf if self.p == 1 else self.p / (self.p - 1)
        return self.radius[:, None] * torch.linalg.vector_norm(c, dual, dim=2, dtype=torch.float64)

    def support_of_rows(self, rows: Rows) -> Float[Tensor, "r 2"]:
        """Return the range of <row, z>, computed over the elements that each row depends on."""
        rows = rows.inside()
        seen = replace(self, start=rows.table(self.start)[rows.index], radius=self.radius[rows.owner])
        return ends(seen, rows.flat)

    def bounding_box(self) -> Box:
        low, high = self.within or (-inf, inf)
        reach = per_example(self.radius, self.start)
        return Box((self.start - reach).clamp(min=low), (self.start + reach).clamp(max=high))

    def room(self, up: Bool[Tensor, "b k n"]) -> Float[Tensor, "b k n"]:
        """Return how far each coordinate may move, up or down."""
        low, high = self.within or (-inf, inf)
        start, radius = self.start.flatten(1), self.radius[:, None]
        above, below = torch.minimum(high - start, radius), torch.minimum(start - low, radius)
        return torch.where(up, above.unsqueeze(1), below.unsqueeze(1))

    def member(self, offset: Float[Tensor, "b n"]) -> Float[Tensor, "b *z"]:
        """Return start + offset, shortened so that no rounding can take it out of the set."""
        low, high = self.within or (-inf, inf)
        start = self.start.flatten(1)
        length = torch.linalg.vector_norm(offset, self.p, dim=1).clamp(min=torch.finfo(torch.float64).tiny)
        offset = offset * (self.radius.double() * (1 - SLACK) / length).clamp(max=1)[:, None]
        z = (start.double() + offset).to(start.dtype)
        too_far = (z.double() - start.double()).abs() > offset.abs()
        return torch.where(too_far, torch.nextafter(z, start), z).clamp(low, high).view_as(self.start)
