"""The logistic sigmoid."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.functions.s_shaped import SShaped

aten = torch.ops.aten


@dataclass(frozen=True)
class Sigmoid(SShaped):
    """1 / (1 + exp(-z))."""

    def __call__(self, z: Tensor) -> Tensor:
        return torch.sigmoid(z)

    def slope(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        return torch.sigmoid(z) * torch.sigmoid(-z)

    def touching(self, slope: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        share = (4 * slope).clamp(torch.finfo(slope.dtype).tiny, 1)
        return 2 * (1 - share).sqrt().log1p() - share.log()


@lowers(aten.sigmoid.default, aten.special_expit.default)
def lower_sigmoid(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's sigmoid."""
    return Lowered(Sigmoid, (z,))
