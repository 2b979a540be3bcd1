"""Softplus."""

import math
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.cases import Cases
from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.errors import UnsupportedOpError
from hauberk.functions.scalar_function import Span
from hauberk.functions.smooth import Piece, Smooth


@dataclass(frozen=True)
class Softplus(Smooth):
    """log(1 + exp(beta z)) / beta, which torch replaces by z where beta z > threshold: it jumps down there.

    Args:
        beta: the sharpness; positive.
        threshold: the product beta z above which torch returns z.
    """

    beta: float = 1.0
    threshold: float = 20.0

    @staticmethod
    def cases() -> Cases:
        return {"beta": [1.0, 3.0], "threshold": [20.0, 17.0]}

    def __call__(self, z: Tensor) -> Tensor:
        return F.softplus(z, self.beta, self.threshold)

    def slope(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        return torch.where(z * self.beta > self.threshold, 1, torch.sigmoid(self.beta * z))

    @property
    def curves(self) -> tuple[Piece, ...]:
        return (Piece(-math.inf, math.inf, 1, self.touching),)

    def touching(self, slope: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the points at which the function has a slope: the logit, divided by beta."""
        tiny = torch.finfo(slope.dtype).tiny
        return (slope.clamp(min=tiny).log() - (1 - slope).clamp(min=tiny).log()) / self.beta

    def error(self, z: Float[Tensor, "b *z"], value: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the error including that of rounding beta z, which exp magnifies where it is very negative."""
        enlarged = (-self.beta * z).clamp(min=0) * value
        return super().error(z, value) + torch.finfo(value.dtype).eps * enlarged

    def departure(self, span: Span) -> Float[Tensor, "b *z"]:
        """Return the height of the jump if the box contains it."""
        jump = math.log1p(math.exp(-self.threshold)) / self.beta
        slack = 1e-6 * abs(self.threshold)  # the product with beta is rounded
        held = (self.beta * span.low < self.threshold + slack) & (self.beta * span.high > self.threshold - slack)
        return held.to(span.low) * jump


@lowers(torch.ops.aten.softplus.default)
def lower_softplus(z: Value, beta: float = 1.0, threshold: float = 20.0, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's softplus."""
    if not beta > 0:
        raise UnsupportedOpError(f"its beta is {beta}: only positive ones are bounded")
    return Lowered(partial(Softplus, float(beta), float(threshold)), (z,))
