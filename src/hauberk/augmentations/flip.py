"""Random flips of images."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.augmentation import Augmentation, require_images
from hauberk.concepts.noise import Noise


@dataclass(frozen=True)
class Flip(Augmentation):
    """A horizontal flip of each image, with probability 1/2."""

    def __call__(self, x: Float[Tensor, "b c h w"], noise: Noise) -> Float[Tensor, "b c h w"]:
        """Return the images, some of them mirrored.

        Raises:
            ShapeError: x is not a batch of floating-point images.
        """
        require_images(x)
        return torch.where(noise.uniform((1, 1, 1)) < 0.5, x.flip(3), x)
