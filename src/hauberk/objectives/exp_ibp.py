"""The geometric mean of an attack's loss and a bound's."""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Attack
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.expressive import ExpressiveObjective
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.regularizer import BoundRegularizer
from hauberk.concepts.schedule import Schedule


@dataclass(frozen=True)
class EXPIBP(ExpressiveObjective):
    """The cross-entropy of a bound to the power of its weight, times that of an attack to the power of the rest.

    Args:
        bounder: intervals, as published, or any other.
        attack: made on the network as the clean examples' pass fixed it.
        bound_weight: as for `MTLIBP`, whose loss is never smaller.
        loss: of clean logits; the robust part is of cross-entropies, which are positive.
        clean_weight: of the clean loss; the robust one has the rest.
        attack_scale: the attack's radius over the bound's.
        regularizers: read off the boxes of the bound.

    Raises:
        InputError: attack_scale is not positive.

    Source: De Palma et al. 2024.
    """

    bounder: Bounder
    attack: Attack
    bound_weight: Schedule
    loss: AdversarialLoss
    clean_weight: Schedule
    attack_scale: float = 1.0
    regularizers: list[BoundRegularizer] = field(default_factory=list)

    def blend(
        self,
        attacked: Float[Tensor, "b classes"],
        bounded: Float[Tensor, "b classes"],
        y: Int[Tensor, "b"],
        weight: float,
    ) -> Float[Tensor, "b"]:
        tiny = torch.finfo(
            attacked.dtype
        ).tiny  # an example that is as sure as can be has no slope, not an infinite one
        logs = [F.cross_entropy(logits, y, reduction="none").clamp(min=tiny).log() for logits in (bounded, attacked)]
        return (weight * logs[0] + (1 - weight) * logs[1]).exp()
