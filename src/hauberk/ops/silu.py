"""The sigmoid linear unit, also called swish."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.functions.gate import Gate


@dataclass(frozen=True)
class SiLU(Gate):
    """z times its sigmoid."""

    inflections = (-2.3993572805154676678, 2.3993572805154676678)
    bottom = -1.2784645427610737951
    straight = 42.0

    def __call__(self, z: Tensor) -> Tensor:
        return F.silu(z)

    def slope(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        z = z.clamp(-800, 800)  # beyond, the slope is 0 or 1, and gradients would overflow
        return torch.sigmoid(z) * (1 + z * torch.sigmoid(-z))


@lowers(torch.ops.aten.silu.default)
def lower_silu(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's SiLU."""
    return Lowered(SiLU, (z,))
