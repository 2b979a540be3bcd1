"""Augmentations of training inputs."""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.noise import Noise
from hauberk.errors import ShapeError
from hauberk.ranges import Checked


class Augmentation(Checked, ABC):
    """A transformation of inputs, usually random, that keeps their labels and range; it may change their size."""

    @abstractmethod
    def __call__(self, x: Float[Tensor, "b *x"], noise: Noise) -> Float[Tensor, "b *z"]:
        """Return the transformed inputs, each drawn from its own noise."""


def require_images(x: Tensor) -> None:
    """Raise unless x is a batch of floating-point images (b, c, h, w).

    Raises:
        ShapeError: x has another number of dimensions, empty images, or another element type.
    """
    if not x.is_floating_point():
        raise ShapeError(f"images must be floating point, but have type {x.dtype}; uint8 pixels: x.float() / 255.")
    if x.ndim != 4 or 0 in x.shape[1:]:
        raise ShapeError(f"images must be a batch (b, c, h, w), but have shape {tuple(x.shape)}.")


def kept_in_range(changed: Float[Tensor, "b *z"], x: Float[Tensor, "b *x"]) -> Float[Tensor, "b *z"]:
    """Return averages of x's values, clamped to each example's own range, which rounding may leave."""
    least, most = (end.view(-1, *[1] * (changed.ndim - 1)) for end in (x.flatten(1).amin(1), x.flatten(1).amax(1)))
    return changed.clamp(least, most)
