"""The margin loss."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.loss import AdversarialLoss, lead


@dataclass(frozen=True)
class Margin(AdversarialLoss):
    """The largest other logit (with a target, the target's) minus the label's: positive where that class wins.

    Example:
        >>> import torch
        >>> from hauberk.losses import Margin
        >>> logits, y = torch.tensor([[2.0, 1.0, 0.5]]), torch.tensor([0])
        >>> Margin()(logits, y)
        tensor([-1.])
        >>> Margin()(logits, y, target=torch.tensor([2]))
        tensor([-1.5000])

    Source: Carlini & Wagner 2017.
    """

    def __call__(
        self, logits: Float[Tensor, "b classes"], y: Int[Tensor, "b"], target: Int[Tensor, "b"] | None = None
    ) -> Float[Tensor, "b"]:
        return lead(logits, y, target)
