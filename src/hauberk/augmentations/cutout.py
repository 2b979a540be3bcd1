"""Cutout of images."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from hauberk.concepts.augmentation import Augmentation, require_images
from hauberk.concepts.noise import Noise
from hauberk.errors import ShapeError
from hauberk.ranges import Natural


@dataclass(frozen=True)
class Cutout(Augmentation):
    """A square set to zero in all channels of every image, all places inside the image equally likely.

    Inputs must not be normalised yet, so that zero is black.

    Args:
        length: the side of the square, in pixels.

    Raises:
        InputError: length is negative.

    Sources: DeVries & Taylor 2017, whose squares may cross the border; fully inside: Rice, Wong & Kolter 2020.
    """

    length: Natural

    def __call__(self, x: Float[Tensor, "b c h w"], noise: Noise) -> Float[Tensor, "b c h w"]:
        """Return the images without their squares.

        Raises:
            ShapeError: x is not a batch of floating-point images, or they are smaller than the square.
        """
        require_images(x)
        height, width = x.shape[2:]
        if self.length > min(height, width):
            raise ShapeError(f"a square of {self.length} pixels a side does not fit into images of {height} x {width}.")
        place = noise.uniform((2,))
        rows = self.covered((place[:, 0] * (height - self.length + 1)).long(), height)
        columns = self.covered((place[:, 1] * (width - self.length + 1)).long(), width)
        return x.masked_fill(rows[:, None, :, None] & columns[:, None, None, :], 0)

    def covered(self, start: Int64[Tensor, "b"], pixels: int) -> Bool[Tensor, "b pixels"]:
        """Return True for the pixels along one side that lie in the square."""
        offset = torch.arange(pixels, device=start.device) - start[:, None]
        return (offset >= 0) & (offset < self.length)
