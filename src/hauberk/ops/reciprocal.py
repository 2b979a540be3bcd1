"""The reciprocal."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.functions.partial import Partial
from hauberk.functions.smooth import Piece

aten = torch.ops.aten


def touching(slope: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
    """Return the positive point with this slope."""
    return (-slope).clamp(min=1e-30).rsqrt()


@dataclass(frozen=True)
class Reciprocal(Partial):
    """1 / z on either side of zero: decreasing, concave below zero and convex above."""

    domain = (2.0**-60, math.inf)
    curves = (
        Piece(-math.inf, 0.0, -1, lambda slope: -touching(slope)),
        Piece(0.0, math.inf, 1, touching),
    )

    def leaves(self, box: Box) -> Bool[Tensor, "b *z"]:
        least = self.domain[0]
        return (box.lower < least) & (box.upper > -least)

    def __call__(self, z: Tensor) -> Tensor:
        return 1 / z

    def slope(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        return -1 / (z * z)


@lowers(aten.reciprocal.default, case=lambda x: 1 / (x * x + 0.2) + (-1 - x.abs()).reciprocal())
def lower_reciprocal(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's reciprocal."""
    return Lowered(Reciprocal, (z,))
