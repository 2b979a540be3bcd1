"""The hyperbolic tangent."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.functions.s_shaped import SShaped


@dataclass(frozen=True)
class Tanh(SShaped):
    """tanh(z)."""

    def __call__(self, z: Tensor) -> Tensor:
        return torch.tanh(z)

    def slope(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        return 4 * torch.sigmoid(2 * z) * torch.sigmoid(-2 * z)

    def touching(self, slope: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        share = slope.clamp(torch.finfo(slope.dtype).tiny, 1)
        return (1 - share).sqrt().log1p() - 0.5 * share.log()


@lowers(torch.ops.aten.tanh.default)
def lower_tanh(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's tanh."""
    return Lowered(Tanh, (z,))
