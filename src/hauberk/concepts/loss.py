"""Adversarial losses: one number per example, larger the closer the example is to being misclassified."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.ranges import Checked


class AdversarialLoss(Checked, ABC):
    """A loss for attacks to ascend and for training to descend."""

    @abstractmethod
    def __call__(
        self, logits: Float[Tensor, "b classes"], y: Int[Tensor, "b"], target: Int[Tensor, "b"] | None = None
    ) -> Float[Tensor, "b"]:
        """Return the loss of each example with label y; with a target, a loss that grows as that class overtakes y."""


def lead(
    logits: Float[Tensor, "b classes"], y: Int[Tensor, "b"], target: Int[Tensor, "b"] | None = None
) -> Float[Tensor, "b"]:
    """Return the target's logit minus the label's; without a target, the largest wrong logit minus the label's."""
    own = logits.gather(1, y[:, None])
    if target is not None:
        return (logits.gather(1, target[:, None]) - own)[:, 0]
    return logits.scatter(1, y[:, None], -torch.inf).amax(1) - own[:, 0]
