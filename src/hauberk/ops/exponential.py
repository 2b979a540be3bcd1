"""The exponential function, and the one less 1."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.functions.partial import Partial
from hauberk.functions.smooth import Piece

aten = torch.ops.aten
LARGEST = 43.0
"""The largest exponent whose value can be squared in float32."""


class Exponential(Partial):
    """A function with the slope exp(z): increasing and convex."""

    domain = (-math.inf, LARGEST)
    inside = 0.0
    curves = (Piece(-math.inf, math.inf, 1, lambda slope: slope.clamp(min=torch.finfo(slope.dtype).tiny).log()),)

    def slope(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        return torch.exp(z)


@dataclass(frozen=True)
class Exp(Exponential):
    """exp(z)."""

    image = (0.0, math.inf)

    def __call__(self, z: Tensor) -> Tensor:
        return torch.exp(z)


@dataclass(frozen=True)
class Expm1(Exponential):
    """exp(z) - 1."""

    image = (-1.0, math.inf)

    def __call__(self, z: Tensor) -> Tensor:
        return torch.expm1(z)


@lowers(aten.exp.default, case=lambda x: torch.exp(2 * x))
def lower_exp(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's exponential."""
    return Lowered(Exp, (z,))


@lowers(aten.expm1.default, aten.special_expm1.default, case=lambda x: torch.expm1(x) + torch.special.expm1(2 * x))
def lower_expm1(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's exponential less 1."""
    return Lowered(Expm1, (z,))
