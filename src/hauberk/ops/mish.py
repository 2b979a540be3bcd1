"""Mish."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.functions.gate import Gate


@dataclass(frozen=True)
class Mish(Gate):
    """z times the tanh of its softplus."""

    inflections = (-2.2563763963607931200, 1.4905711794854284593)
    bottom = -1.1924312145154952121
    straight = 42.0

    def __call__(self, z: Tensor) -> Tensor:
        return F.mish(z)

    def slope(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        z = z.clamp(-800, 800)  # beyond, the slope is 0 or 1, and gradients would overflow
        step = F.softplus(z).tanh()
        return step + z * (1 - step * step) * torch.sigmoid(z)


@lowers(torch.ops.aten.mish.default, case=lambda x: F.mish(3 * x) - F.mish(x + 0.1, inplace=True))
def lower_mish(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's Mish."""
    return Lowered(Mish, (z,))
