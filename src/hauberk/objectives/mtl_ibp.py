"""The mean of an attack's loss and a bound's."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from hauberk.bound_training.expressive import ExpressiveObjective


@dataclass(frozen=True)
class MTLIBP(ExpressiveObjective):
    """The weighted mean of the loss at an attack's answers and the loss of the worst logits that a bound allows.

    Args:
        bounder: gives the bound; published: intervals.
        attack: attacks the network as fixed by the pass of the clean examples.
        bound_weight: the weight of the bound's loss. Published: 0.01 and 0.6 (CIFAR-10 at 2/255 and 8/255), 0.02 and
            0.5 (MNIST at 0.1 and 0.3).
        loss: the loss of clean, attacked and worst logits.
        clean_weight: the weight of the clean loss; the robust loss gets the rest.
        attack_scale: the attack's radius divided by the bound's.
        regularizers: penalties on the boxes of the bound.

    Raises:
        InputError: attack_scale is not positive.

    Source: De Palma et al. 2024.
    """

    def blend(
        self,
        attacked: Float[Tensor, "b classes"],
        bounded: Float[Tensor, "b classes"],
        y: Int[Tensor, "b"],
        weight: float,
    ) -> Float[Tensor, "b"]:
        return weight * self.loss(bounded, y) + (1 - weight) * self.loss(attacked, y)
