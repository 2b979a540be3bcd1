"""Images that transformations of the input make."""

from abc import abstractmethod
from dataclasses import replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import PerturbationSet


class SemanticSet(PerturbationSet):
    """The images that a family of transformations makes of the input: flows, changes of colour.

    The adversary's variable z is the transformation, 0 the identity, and the sets hold those in a ball around it.
    """

    images: Float[Tensor, "b *x"]
    """The inputs."""
    variables: NormBall
    """The balls of transformations."""

    @property
    def start(self) -> Float[Tensor, "b *z"]:
        return self.variables.start

    @property
    def radius(self) -> Float[Tensor, "b"]:
        return self.variables.radius

    @property
    def step_unit(self) -> Float[Tensor, "b"]:
        return self.variables.step_unit

    @abstractmethod
    def decode(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *x"]:
        """Return the images that the transformations z make of the inputs."""

    def roughness(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b"]:
        """Return how much transformations differ between neighbours: 0 for those that have none."""
        return torch.zeros_like(self.radius)

    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "SemanticSet":
        return replace(self, images=self.images[index], variables=self.variables.select(index))  # pyright: ignore

    def resized(self, radius: Float[Tensor, "b"]) -> "SemanticSet":
        return replace(self, variables=self.variables.resized(radius))  # pyright: ignore

    def project(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        return self.variables.project(z)

    def steepest_step(
        self, z: Float[Tensor, "b *z"], gradient: Float[Tensor, "b *z"], length: Float[Tensor, "b"], noise: Noise
    ) -> Float[Tensor, "b *z"]:
        return self.variables.steepest_step(z, gradient, length, noise)

    def sample(self, noise: Noise) -> Float[Tensor, "b *z"]:
        return self.variables.sample(noise)

    def contains(self, z: Float[Tensor, "b *z"], atol: float = 0.0) -> Bool[Tensor, "b"]:
        return self.variables.contains(z, atol)


def differences(z: Float[Tensor, "b *p v"]) -> Float[Tensor, "b"]:
    """Return the sum, over points of a grid and their neighbours, of the distances between what they hold.

    Each pair counts from both sides. Distances are of vectors of v numbers, and kept from 0, where they have no slope.
    """
    pairs = [z.diff(dim=axis).square().sum(-1).add(1e-10).sqrt().flatten(1).sum(1) for axis in range(1, z.ndim - 1)]
    return 2 * torch.stack(pairs).sum(0)
