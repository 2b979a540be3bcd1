"""Images of another size."""

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.augmentation import Augmentation, kept_in_range, require_images
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError


@dataclass(frozen=True)
class Resize(Augmentation):
    """Makes the shorter side of every image `size` pixels long and keeps its proportions, with no randomness at all.

    Bilinear; where images shrink each new pixel averages what it covers, so that nothing aliases.

    Raises:
        InputError: size is less than one pixel.
    """

    size: int

    def __post_init__(self) -> None:
        if self.size < 1:
            raise InputError(f"size must be at least 1, but is {self.size}.")

    def __call__(self, x: Float[Tensor, "b c h w"], noise: Noise) -> Float[Tensor, "b c new_h new_w"]:
        """Return the resized images.

        Raises:
            ShapeError: x is no batch of floating-point images.
        """
        require_images(x)
        shorter = min(x.shape[2:])
        shape = [round(pixels * self.size / shorter) for pixels in x.shape[2:]]
        return kept_in_range(F.interpolate(x, shape, mode="bilinear", antialias=True), x)
