"""Random shifts of images."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.augmentation import Augmentation, require_images
from hauberk.concepts.noise import Noise
from hauberk.ranges import Natural


@dataclass(frozen=True)
class RandomShift(Augmentation):
    """A shift of every image by up to `pixels` in each direction, all shifts equally likely.

    Equivalent to padding by `pixels` and cropping at random.

    Args:
        pixels: the largest shift in each direction.
        edge: True to repeat the border's pixels where the image has moved away; otherwise zeros are filled in.

    Raises:
        InputError: pixels is negative.
    """

    pixels: Natural
    edge: bool = False

    def __call__(self, x: Float[Tensor, "b c h w"], noise: Noise) -> Float[Tensor, "b c h w"]:
        """Return the shifted images.

        Raises:
            ShapeError: x is not a batch of floating-point images.
        """
        require_images(x)
        height, width = x.shape[2:]
        moves = (noise.uniform((2, 1)) * (2 * self.pixels + 1)).long()
        rows = moves[:, 0] + torch.arange(height, device=x.device)
        columns = moves[:, 1] + torch.arange(width, device=x.device)
        padded = F.pad(x, [self.pixels] * 4, mode="replicate" if self.edge else "constant")
        example, channel = (torch.arange(n, device=x.device) for n in x.shape[:2])
        return padded[
            example[:, None, None, None], channel[:, None, None], rows[:, None, :, None], columns[:, None, None, :]
        ]
