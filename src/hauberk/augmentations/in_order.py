"""Several augmentations, one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.augmentation import Augmentation
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError


@dataclass(frozen=True)
class InOrder(Augmentation):
    """Several augmentations, one after the other, each with its own noise.

    `InOrder([RandomShift(4), Flip(), Cutout(14)])` is the usual choice for CIFAR-10.

    Args:
        augmentations: the augmentations, from first to last.

    Raises:
        InputError: there are no augmentations.
    """

    augmentations: Sequence[Augmentation]

    def __post_init__(self) -> None:
        if not self.augmentations:
            raise InputError("InOrder needs at least one augmentation, but got an empty list.")

    def __call__(self, x: Float[Tensor, "b *x"], noise: Noise) -> Float[Tensor, "b *z"]:
        """Return the inputs after the last augmentation.

        Raises:
            ShapeError: as the augmentations do.
        """
        for number, augmentation in enumerate(self.augmentations):
            x = augmentation(x, noise.fold(number))
        return x
