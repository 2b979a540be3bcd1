"""Random crops of images, resized."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.augmentation import Augmentation, kept_in_range, require_images
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError
from hauberk.ranges import Count, Positive, PositiveShare

TRIES = 10


@dataclass(frozen=True)
class RandomResizedCrop(Augmentation):
    """A rectangle of random size, shape and place, cut out of every image and resized to size x size pixels.

    The first of ten random rectangles that fits is taken, all places equally likely: the area is uniform in `scale`,
    the logarithm of the ratio of width to height is uniform between those of `ratio`, and sides are rounded to pixels.
    If none fits, the largest rectangle with an allowed ratio is taken from the middle.

    Bilinear; when a rectangle shrinks, each new pixel averages the area it covers, which avoids aliasing. Costs two
    matrix products per channel of an image, of size * h * w and size * size * w multiplications.

    Args:
        size: pixels along each side of the result.
        scale: the smallest and largest area, as shares of the image.
        ratio: the smallest and largest ratio of width to height.

    Raises:
        InputError: size is less than one pixel, or a range is not one of positive numbers (for scale, of shares).

    Source: Szegedy et al. 2015, section 6; ten tries and the rest are customary in ImageNet training.
    """

    size: Count
    scale: tuple[PositiveShare, PositiveShare] = (0.08, 1.0)
    ratio: tuple[Positive, Positive] = (3 / 4, 4 / 3)

    def __post_init__(self) -> None:
        if not 0 < self.scale[0] <= self.scale[1] <= 1:
            raise InputError(f"scale must be a growing pair of shares in (0, 1], but is {self.scale}.")
        if not 0 < self.ratio[0] <= self.ratio[1] < math.inf:
            raise InputError(f"ratio must be a growing pair of positive numbers, but is {self.ratio}.")

    def __call__(self, x: Float[Tensor, "b c h w"], noise: Noise) -> Float[Tensor, "b c size size"]:
        """Return the resized crops.

        Raises:
            ShapeError: x is not a batch of floating-point images.
        """
        require_images(x)
        height, width = x.shape[2:]
        tops, heights, lefts, widths = self.crops(height, width, noise).to(x.dtype).unbind(1)
        down = self.resampling(tops, heights, height).unsqueeze(1)
        across = self.resampling(lefts, widths, width).unsqueeze(1)
        return kept_in_range(down @ x @ across.mT, x)

    def crops(self, height: int, width: int, noise: Noise) -> Float[Tensor, "b 4"]:
        """Return the tops, heights, lefts and widths of the rectangles, in whole pixels."""
        drawn = noise.uniform((TRIES + 1, 2))
        areas = height * width * between(*self.scale, drawn[:, :TRIES, 0])
        ratios = between(math.log(self.ratio[0]), math.log(self.ratio[1]), drawn[:, :TRIES, 1]).exp()
        heights, widths = (areas / ratios).sqrt().round(), (areas * ratios).sqrt().round()
        fits = (heights >= 1) & (heights <= height) & (widths >= 1) & (widths <= width)
        first, none = fits.int().argmax(1, keepdim=True), ~fits.any(1)
        largest = self.largest(height, width)
        ends: list[Tensor] = []
        for axis, (pixels, tried) in enumerate(((height, heights), (width, widths))):
            length = torch.where(none, largest[axis], tried.gather(1, first)[:, 0])
            left_over = pixels - length
            start = torch.where(none, left_over / 2, drawn[:, TRIES, axis] * (left_over + 1)).floor()
            ends += [start, length]
        return torch.stack(ends, 1)

    def largest(self, height: int, width: int) -> tuple[float, float]:
        """Return the height and width of the largest rectangle with an allowed ratio."""
        ratio = min(max(width / height, self.ratio[0]), self.ratio[1])
        return float(max(1, min(height, round(width / ratio)))), float(max(1, min(width, round(height * ratio))))

    def resampling(
        self, start: Float[Tensor, "b"], length: Float[Tensor, "b"], pixels: int
    ) -> Float[Tensor, "b size pixels"]:
        """Return the weight of each old pixel in each new one, along one side: triangles cut off at the crop's edge."""
        start, length = start[:, None, None], length[:, None, None]
        new, old = (torch.arange(n, dtype=start.dtype, device=start.device) + 0.5 for n in (self.size, pixels))
        step = length / self.size
        distance = (old - start - step * new[:, None]).abs() / step.clamp(min=1)
        weights = (1 - distance).clamp(min=0) * ((old > start) & (old < start + length))
        return weights / weights.sum(2, keepdim=True)


def between(low: float, high: float, share: Tensor) -> Tensor:
    """Return the numbers at these shares of the way from `low` to `high`."""
    return low + (high - low) * share
