"""The loss of a convex combination of an attack's logits and a bound's."""

from dataclasses import dataclass, field

from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Attack
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.expressive import ExpressiveObjective
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.regularizer import BoundRegularizer
from hauberk.concepts.schedule import Schedule


@dataclass(frozen=True)
class CCIBP(ExpressiveObjective):
    """The loss of the weighted mean of an attack's logits and of the worst ones that a bound allows.

    Args:
        bounder: intervals, as published, or any other.
        attack: made on the network as the clean examples' pass fixed it.
        bound_weight: as for `MTLIBP`, whose loss is never smaller where both have the same radius.
        loss: of clean and of combined logits.
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
        return self.loss(weight * bounded + (1 - weight) * attacked, y)
