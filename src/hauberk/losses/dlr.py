"""The difference-of-logits-ratio loss."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.loss import AdversarialLoss
from hauberk.errors import ShapeError


@dataclass(frozen=True)
class DLR(AdversarialLoss):
    """The margin loss over the gap between the first and the third logit: unmoved by shifts and positive scales.

    Raises:
        ShapeError: fewer than three classes.

    Source: Croce & Hein 2020, section 4.
    """

    def __call__(self, logits: Float[Tensor, "b classes"], y: Int[Tensor, "b"]) -> Float[Tensor, "b"]:
        if logits.shape[1] < 3:
            raise ShapeError(f"DLR needs at least 3 classes, but the network has {logits.shape[1]}: use Margin.")
        own = logits.gather(1, y[:, None])[:, 0]
        best, _, third = logits.topk(3).values.unbind(1)
        other = logits.scatter(1, y[:, None], -torch.inf).amax(1)
        return (other - own) / (best - third + 1e-12)
