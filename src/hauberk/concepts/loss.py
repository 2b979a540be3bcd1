"""Adversarial losses: one number per example, larger the closer the example is to being misclassified."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.errors import InputError, ShapeError


class AdversarialLoss(ABC):
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


def require_labels(y: Tensor, examples: int, classes: int) -> None:
    """Raise unless the labels fit a batch of logits.

    Raises:
        ShapeError: y does not hold one integer per example.
        InputError: a label lies outside 0 .. classes - 1; the message names it.
    """
    if y.is_floating_point() or y.shape != (examples,):
        raise ShapeError(f"labels must be {examples} integers, but have shape {tuple(y.shape)} and type {y.dtype}.")
    if examples and not (int(y.min()) >= 0 and int(y.max()) < classes):
        wrong = int(y.max()) if int(y.max()) >= classes else int(y.min())
        raise InputError(f"labels must lie in 0..{classes - 1} (the network has {classes} logits), but one is {wrong}.")
