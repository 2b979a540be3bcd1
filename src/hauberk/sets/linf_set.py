"""Balls in l_inf, cut by the range of valid inputs."""

from math import inf

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.radius import per_example
from hauberk.sets.box_set import BoxSet


class LinfSet(BoxSet):
    """The points within `radius` of `start` in every coordinate that lie in the range of valid inputs: a box.

    Arguments are those of `BoxSet`; `around` computes the boxes. Points outside them are valid within the range.
    """

    symmetric = True
    limits, weight, uncut = NormBall.limits, NormBall.weight, NormBall.uncut

    @classmethod
    def around(
        cls, start: Float[Tensor, "b *z"], radius: Float[Tensor, "b"], within: tuple[float, float] | None
    ) -> "LinfSet":
        """Return the set with these centres and radii, cut by the range."""
        reach = per_example(radius, start)
        low, high = within or (-inf, inf)
        return cls(start, radius, Box((start - reach).clamp_(min=low), (start + reach).clamp_(max=high)), within)

    def to(self, dtype: torch.dtype) -> "LinfSet":
        """Return the set in another precision; a wider one computes the box anew, with less rounding."""
        return self.around(self.start.to(dtype), self.radius.to(dtype), self.within)

    def steepest_step(
        self, z: Float[Tensor, "b *z"], gradient: Float[Tensor, "b *z"], length: Float[Tensor, "b"], noise: Noise
    ) -> Float[Tensor, "b *z"]:
        return torch.addcmul(z, gradient.sign(), per_example(length, z))

    def size(self, move: Float[Tensor, "b *z"]) -> Float[Tensor, "b"]:
        return move.flatten(1).abs().amax(1)

    def resized(self, radius: Float[Tensor, "b"]) -> "LinfSet":
        return LinfSet.around(self.start, radius, self.within)
