"""A loss with a stand-in."""

import warnings
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.loss import AdversarialLoss
from hauberk.errors import PartWarning, ShapeError


@dataclass(frozen=True)
class Fallback(AdversarialLoss):
    """A loss, or another one where it is not defined for so few classes; a warning says so.

    Args:
        loss: the loss.
        other: the one that stands in for it.

    Example:
        >>> import warnings
        >>> import torch
        >>> from hauberk.losses import DLR, Fallback, Margin
        >>> logits, y = torch.tensor([[2.0, 1.0]]), torch.tensor([0])
        >>> with warnings.catch_warnings(record=True) as caught:
        ...     Fallback(DLR(), Margin())(logits, y)
        tensor([-1.])
        >>> str(caught[0].message)
        'Margin stands in for DLR: DLR needs at least 3 classes here, but there are 2: use Margin.'
    """

    loss: AdversarialLoss
    other: AdversarialLoss

    def __call__(
        self, logits: Float[Tensor, "b classes"], y: Int[Tensor, "b"], target: Int[Tensor, "b"] | None = None
    ) -> Float[Tensor, "b"]:
        try:
            return self.loss(logits, y, target)
        except ShapeError as error:
            names = f"{type(self.other).__name__} stands in for {type(self.loss).__name__}"
            warnings.warn(f"{names}: {error}", PartWarning, stacklevel=2)
            return self.other(logits, y, target)
