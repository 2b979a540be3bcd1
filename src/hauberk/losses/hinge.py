"""The hinge loss of margins."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.loss import AdversarialLoss, lead


@dataclass(frozen=True)
class Hinge(AdversarialLoss):
    """The largest other logit minus the label's plus a threshold, where that is positive.

    With a target it is the target's logit minus the label's plus the threshold, not clipped: attacks have to find their
    way from where the hinge is flat.

    Args:
        threshold: the margin from which on the loss is 0.

    Example:
        >>> import torch
        >>> from hauberk.losses import Hinge
        >>> Hinge()(torch.tensor([[2.0, 1.5], [2.0, 0.5]]), torch.tensor([0, 0]))
        tensor([0.5000, 0.0000])

    Source: Crammer & Singer 2001.
    """

    threshold: float = 1.0

    def __call__(
        self, logits: Float[Tensor, "b classes"], y: Int[Tensor, "b"], target: Int[Tensor, "b"] | None = None
    ) -> Float[Tensor, "b"]:
        distance = lead(logits, y, target) + self.threshold
        return distance.clamp(min=0) if target is None else distance
