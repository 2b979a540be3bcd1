"""The difference-of-logits-ratio loss."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.loss import AdversarialLoss
from hauberk.errors import ShapeError


@dataclass(frozen=True)
class DLR(AdversarialLoss):
    """The margin loss divided by a gap between the largest logits: invariant to shifts and to positive scaling.

    The gap lies between the largest and third largest logit; with a target, between the largest and the mean of the
    third and fourth largest.

    Raises:
        ShapeError: there are fewer than three classes, or fewer than four with a target.

    Source: Croce & Hein 2020, section 4.
    """

    def __call__(
        self, logits: Float[Tensor, "b classes"], y: Int[Tensor, "b"], target: Int[Tensor, "b"] | None = None
    ) -> Float[Tensor, "b"]:
        least = 3 if target is None else 4
        if logits.shape[1] < least:
            raise ShapeError(f"DLR needs at least {least} classes here, but there are {logits.shape[1]}: use Margin.")
        own = logits.gather(1, y[:, None])[:, 0]
        best, *others = logits.topk(least).values.unbind(1)
        if target is None:
            other, gap = logits.scatter(1, y[:, None], -torch.inf).amax(1), best - others[1]
        else:
            other, gap = logits.gather(1, target[:, None])[:, 0], best - 0.5 * (others[1] + others[2])
        return (other - own) / (gap + 1e-12)
