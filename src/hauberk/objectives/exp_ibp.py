"""The geometric mean of an attack's loss and a bound's."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.bound_training.expressive import ExpressiveObjective


@dataclass(frozen=True)
class EXPIBP(ExpressiveObjective):
    """The cross-entropy of a bound raised to its weight, times that of an attack raised to the remaining weight.

    Arguments and errors are those of `MTLIBP`, whose loss is never smaller. The robust part uses cross-entropies, which
    are positive, whatever the `loss` of clean logits.

    Source: De Palma et al. 2024.
    """

    def blend(
        self,
        attacked: Float[Tensor, "b classes"],
        bounded: Float[Tensor, "b classes"],
        y: Int[Tensor, "b"],
        weight: float,
    ) -> Float[Tensor, "b"]:
        tiny = torch.finfo(attacked.dtype).tiny  # a loss of zero gets no slope, instead of an infinite one
        logs = [F.cross_entropy(logits, y, reduction="none").clamp(min=tiny).log() for logits in (bounded, attacked)]
        return (weight * logs[0] + (1 - weight) * logs[1]).exp()
