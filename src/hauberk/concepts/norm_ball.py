"""Balls in a norm, as required by methods that are defined by distances."""

from abc import abstractmethod
from dataclasses import replace
from functools import cached_property
from math import inf
from typing import cast

import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

from hauberk.concepts.metric_ball import MetricBall
from hauberk.concepts.perturbation_set import CertifiableSet


class NormBall(MetricBall, CertifiableSet):
    """A ball in an l_p norm around the input, possibly cut by the range of valid inputs; p = 0 counts coordinates."""

    p: float

    @property
    def metric(self) -> str:
        return f"l{self.p:g}"

    @abstractmethod
    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "NormBall":
        """Return the balls of some of the examples."""

    @cached_property
    def weight(self) -> Float[Tensor, "*#z"]:
        """The largest move of norm 1 of each coordinate: not 1 where the norm weighs coordinates differently."""
        return self.start.new_ones((1,) * self.start.ndim)

    @abstractmethod
    def size(self, move: Float[Tensor, "b *z"]) -> Float[Tensor, "b"]:
        """Return the norm of a difference of points."""

    def distance(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b"]:
        return self.size(z - self.start)

    def between(self, a: Float[Tensor, "b *z"], z: Float[Tensor, "b *z"]) -> Float[Tensor, "b"]:
        return self.size(z - a)

    def measured(self, z: Float[Tensor, "b *z"]) -> Float64[Tensor, "b"]:
        low, high = self.within or (-inf, inf)
        valid = ((z >= low) & (z <= high)).flatten(1).all(1)
        return torch.where(valid, cast(NormBall, self.to(torch.float64)).distance(z.double()), inf)

    @abstractmethod
    def resized(self, radius: Float[Tensor, "b"]) -> "NormBall":
        """Return the balls with other radii around the same points."""

    def uncut(self) -> "NormBall":
        """Return the balls without the range of valid inputs, whose width remains the unit of lengths.

        Raises:
            UnsupportedSetError: the range is part of the ball's definition, as in l_0.
        """
        ball = replace(self, within=None).resized(self.radius)  # pyright: ignore[reportArgumentType]
        vars(ball)["unit"] = self.unit
        return ball

    @abstractmethod
    def dual_vector(self, w: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the v of norm 1 with the largest <w, v>, which equals w's dual norm; 0 where w is 0."""

    @abstractmethod
    def cheapest_move(
        self, gain: Float[Tensor, "b n"], room: Float[Tensor, "b n"], need: Float[Tensor, "b 1"]
    ) -> Float[Tensor, "b n"]:
        """Return the shortest move m with 0 <= m <= room and <gain, m> = need, or m = room if that is not enough.

        `gain` and `need` are non-negative; `room` may be infinite.
        """

    def meet(
        self, z: Float[Tensor, "b *z"], normal: Float[Tensor, "b *z"], offset: Float[Tensor, "b"]
    ) -> Float[Tensor, "b *z"]:
        """Return the point of the hyperplane <normal, .> = offset within the range that is nearest to z in this norm.

        If range and hyperplane do not meet, it is the corner of the range nearest to the hyperplane. The ball's own
        centre and radius play no part. Source: Croce & Hein 2020 (FAB), section 3.
        """
        flat, w = z.flatten(1), normal.flatten(1)
        need = (offset - (w * flat).sum(1))[:, None]
        scale = w.abs().amax(1, keepdim=True).clamp(min=torch.finfo(w.dtype).tiny)  # products with gains underflow
        sign = w.sign() * need.sign()
        (low, high), towards = self.limits, sign.view_as(z)
        room = torch.maximum(towards * (high - z), towards * (low - z)).clamp_(min=0).flatten(1)
        room = room.nan_to_num_(nan=0.0)  # no direction, and no range
        move = self.cheapest_move(w.abs() / scale, room, need.abs() / scale)
        return clamped(self, (flat + sign * move).view_as(z))


def clamped(S: NormBall, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
    """Return the valid inputs nearest to z."""
    return z.clamp(*S.limits)
