"""Gaussian error linear units: exact, and by tanh."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.functions.gate import Gate


@dataclass(frozen=True)
class GELU(Gate):
    """z times the normal distribution function. Its second derivative is the density times 2 - z^2."""

    inflections = (-math.sqrt(2), math.sqrt(2))
    bottom = -0.75179152469356445746
    straight = 9.0

    def __call__(self, z: Tensor) -> Tensor:
        return F.gelu(z)

    def slope(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        z = z.clamp(-40, 40)  # beyond, the slope is 0 or 1, and gradients would overflow
        density = torch.exp(-0.5 * z * z) * (1 / math.sqrt(2 * math.pi))
        return 0.5 * torch.erfc(z * -math.sqrt(0.5)) + z * density


@dataclass(frozen=True)
class TanhGELU(Gate):
    """z (1 + tanh(a)) / 2 with a = sqrt(2 / pi) (z + 0.044715 z^3)."""

    inflections = (-1.4185040087908283555, 1.4185040087908283555)
    bottom = -0.75246142207101625849
    straight = 9.0

    def __call__(self, z: Tensor) -> Tensor:
        return F.gelu(z, approximate="tanh")

    def slope(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        z = z.clamp(-20, 20)  # likewise
        factor = 2 * math.sqrt(2 / math.pi)
        doubled, rate = factor * (z + 0.044715 * z**3), factor * (1 + 3 * 0.044715 * z**2)
        return torch.sigmoid(doubled) * (1 + z * rate * torch.sigmoid(-doubled))


@lowers(torch.ops.aten.gelu.default)
def lower_gelu(z: Value, *, approximate: str = "none", shape: tuple[int, ...]) -> Lowered:
    """Lower torch's GELU, exact or by tanh."""
    return Lowered(TanhGELU if approximate == "tanh" else GELU, (z,))
