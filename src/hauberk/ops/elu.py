"""Exponential linear units whose slope does not jump at zero: CELU, and ELU with alpha 1."""

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
from hauberk.functions.smooth import Piece, Smooth


@dataclass(frozen=True)
class CELU(Smooth):
    """z where z > 0, else alpha (exp(z / alpha) - 1).

    Args:
        alpha: minus the limit at minus infinity; positive.
    """

    alpha: float = 1.0

    @staticmethod
    def cases() -> Cases:
        return {"alpha": [1.0, 0.5]}

    def __call__(self, z: Tensor) -> Tensor:
        return F.celu(z, self.alpha)

    def slope(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        return torch.exp(z.clamp(max=0) / self.alpha)

    @property
    def curves(self) -> tuple[Piece, ...]:
        return (Piece(-math.inf, math.inf, 1, self.touching),)

    def touching(self, slope: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the points at which the function has a slope; any point right of zero has slope 1."""
        return self.alpha * slope.clamp(torch.finfo(slope.dtype).tiny, 1).log()


@lowers(torch.ops.aten.celu.default)
def lower_celu(z: Value, alpha: float = 1.0, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's CELU."""
    if not alpha > 0:
        raise UnsupportedOpError(f"its alpha is {alpha}: only positive ones are bounded")
    return Lowered(partial(CELU, float(alpha)), (z,))


@lowers(torch.ops.aten.elu.default)
def lower_elu(
    z: Value, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0, *, shape: tuple[int, ...]
) -> Lowered:
    """Lower torch's ELU with alpha 1."""
    if not (alpha == scale == input_scale == 1):
        raise UnsupportedOpError(f"its alpha is {alpha}: its slope jumps at zero unless that is 1; CELU's never does")
    return lower_celu(z, shape=shape)
