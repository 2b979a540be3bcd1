"""Cross-entropy."""

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.loss import AdversarialLoss


@dataclass(frozen=True)
class CrossEntropy(AdversarialLoss):
    """-log of the softmax probability of the label."""

    def __call__(self, logits: Float[Tensor, "b classes"], y: Int[Tensor, "b"]) -> Float[Tensor, "b"]:
        return F.cross_entropy(logits, y, reduction="none")
