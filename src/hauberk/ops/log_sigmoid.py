"""The logarithm of the sigmoid."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.functions.smooth import Piece, Smooth


@dataclass(frozen=True)
class LogSigmoid(Smooth):
    """log(sigmoid(z)): increasing and concave."""

    curves = (Piece(-math.inf, math.inf, -1, touch=lambda slope: -torch.logit(slope, eps=1e-30)),)

    def __call__(self, z: Tensor) -> Tensor:
        return F.logsigmoid(z)

    def slope(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        return torch.sigmoid(-z)


@lowers(torch.ops.aten.log_sigmoid.default, case=lambda x: F.logsigmoid(3 * x))
def lower_log_sigmoid(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's log-sigmoid."""
    return Lowered(LogSigmoid, (z,))
