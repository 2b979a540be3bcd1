"""Noise that smooths a classifier."""

from abc import ABC, abstractmethod

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.noise import Noise
from hauberk.ranges import Checked


class SmoothingNoise(Checked, ABC):
    """A distribution of noise that is added to inputs, in their units and before any normalisation.

    A classifier smoothed by it answers with the class that is most likely under the noise. If one class has a
    probability of at least `share`, and all others together at most the rest, no input within `radius(share)` has
    another most likely class.
    """

    p: float
    """The norm in which radii are measured: 2.0 or 1.0."""

    @property
    @abstractmethod
    def name(self) -> str:
        """The name in results, with its parameter: "Gaussian noise, sigma 0.25"."""

    @abstractmethod
    def rows(self, x: Float[Tensor, "e d"], image: Int[Tensor, "r"], keys: Int[Tensor, "r"]) -> Float[Tensor, "r d"]:
        """Return the inputs with these numbers plus noise, row r a pure function of `x[image[r]]` and `keys[r]`."""

    @abstractmethod
    def radius(self, share: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        """Return the radius that a share proves, in units of the input; 0 or less where it does not exceed 1/2."""

    @abstractmethod
    def share(self, radius: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        """Return the share that proves a radius: the inverse of `radius`."""

    def added(self, x: Float[Tensor, "b *x"], noise: Noise) -> Float[Tensor, "b *x"]:
        """Return the inputs plus noise of their own; gradients pass to the inputs."""
        flat = x.detach().flatten(1)
        own = torch.arange(len(x), device=x.device)
        return x + (self.rows(flat, own, noise.keys) - flat).view_as(x)
