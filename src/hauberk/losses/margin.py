"""The margin loss."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.loss import AdversarialLoss


@dataclass(frozen=True)
class Margin(AdversarialLoss):
    """The largest other logit (the target's, where there is one) minus the label's: positive where that class wins.

    Source: Carlini & Wagner 2017.
    """

    def __call__(
        self, logits: Float[Tensor, "b classes"], y: Int[Tensor, "b"], target: Int[Tensor, "b"] | None = None
    ) -> Float[Tensor, "b"]:
        own = logits.gather(1, y[:, None])
        if target is not None:
            return (logits.gather(1, target[:, None]) - own)[:, 0]
        others = logits.scatter(1, y[:, None], -torch.inf)
        return others.amax(1) - own[:, 0]
