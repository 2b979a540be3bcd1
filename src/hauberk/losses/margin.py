"""The margin loss."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.loss import AdversarialLoss, lead


@dataclass(frozen=True)
class Margin(AdversarialLoss):
    """The largest other logit (the target's, where there is one) minus the label's: positive where that class wins.

    Source: Carlini & Wagner 2017.
    """

    def __call__(
        self, logits: Float[Tensor, "b classes"], y: Int[Tensor, "b"], target: Int[Tensor, "b"] | None = None
    ) -> Float[Tensor, "b"]:
        return lead(logits, y, target)
