"""Cross-entropy."""

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.loss import AdversarialLoss


@dataclass(frozen=True)
class CrossEntropy(AdversarialLoss):
    """The negative log softmax probability of the label; with a target, the log probability of the target.

    Example:
        >>> import torch
        >>> from hauberk.losses import CrossEntropy
        >>> logits, y = torch.zeros(2, 4), torch.tensor([0, 3])
        >>> CrossEntropy()(logits, y)  # log 4
        tensor([1.3863, 1.3863])
    """

    def __call__(
        self, logits: Float[Tensor, "b classes"], y: Int[Tensor, "b"], target: Int[Tensor, "b"] | None = None
    ) -> Float[Tensor, "b"]:
        if target is None:
            return F.cross_entropy(logits, y, reduction="none")
        return -F.cross_entropy(logits, target, reduction="none")
