"""Augmentations of training inputs."""

from abc import ABC, abstractmethod

from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.noise import Noise


class Augmentation(ABC):
    """A random change of inputs that keeps their labels and their range."""

    @abstractmethod
    def __call__(self, x: Float[Tensor, "b *x"], noise: Noise) -> Float[Tensor, "b *x"]:
        """Return the changed inputs, each by its own noise."""
