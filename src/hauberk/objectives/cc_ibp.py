"""The loss of a convex combination of an attack's logits and a bound's."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from hauberk.bound_training.expressive import ExpressiveObjective


@dataclass(frozen=True)
class CCIBP(ExpressiveObjective):
    """The loss of the weighted mean of an attack's logits and the worst logits that a bound allows.

    Arguments and errors are those of `MTLIBP`, whose loss is never smaller if attack and bound have the same radius.

    Source: De Palma et al. 2024.
    """

    def blend(
        self,
        attacked: Float[Tensor, "b classes"],
        bounded: Float[Tensor, "b classes"],
        y: Int[Tensor, "b"],
        weight: float,
    ) -> Float[Tensor, "b"]:
        return self.loss(weight * bounded + (1 - weight) * attacked, y)
