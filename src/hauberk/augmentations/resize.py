"""Resized images."""

from dataclasses import dataclass

import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.augmentation import Augmentation, kept_in_range, require_images
from hauberk.concepts.noise import Noise
from hauberk.ranges import Count


@dataclass(frozen=True)
class Resize(Augmentation):
    """A resize of every image, in proportion, that makes its shorter side `size` pixels long; nothing is random.

    Bilinear; when images shrink, each new pixel averages the area it covers, which avoids aliasing.

    Args:
        size: the length of the shorter side, in pixels.

    Raises:
        InputError: size is less than one pixel.
    """

    size: Count

    def __call__(self, x: Float[Tensor, "b c h w"], noise: Noise) -> Float[Tensor, "b c new_h new_w"]:
        """Return the resized images.

        Raises:
            ShapeError: x is not a batch of floating-point images.
        """
        require_images(x)
        shorter = min(x.shape[2:])
        shape = [round(pixels * self.size / shorter) for pixels in x.shape[2:]]
        return kept_in_range(F.interpolate(x, shape, mode="bilinear", antialias=True), x)
