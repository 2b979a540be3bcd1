"""Perturbation sets that are boxes."""

from dataclasses import dataclass, replace
from math import inf

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.radius import per_example


@dataclass(frozen=True)
class BoxSet(CertifiableSet):
    """The points of a box around `start`; step lengths are measured in the l_inf norm.

    Args:
        start: the unperturbed points.
        radius: the nominal radii, in units of the input, which attacks scale their steps by.
        box: the boxes.
    """

    start: Float[Tensor, "b *z"]
    radius: Float[Tensor, "b"]
    box: Box
    is_box = True

    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "BoxSet":
        box = Box(self.box.lower[index], self.box.upper[index])
        return replace(self, start=self.start[index], radius=self.radius[index], box=box)

    def to(self, dtype: torch.dtype) -> "BoxSet":
        """Return the set in another precision; a wider one holds the interval that each side was rounded from."""
        lower, upper = self.box.lower, self.box.upper
        if torch.finfo(dtype).eps < torch.finfo(lower.dtype).eps:
            lower = torch.where(lower < self.start, lower.nextafter(torch.full_like(lower, -inf)), lower)
            upper = torch.where(upper > self.start, upper.nextafter(torch.full_like(upper, inf)), upper)
        return replace(self, start=self.start.to(dtype), radius=self.radius.to(dtype), box=Box(lower, upper).to(dtype))

    def project(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        return z.clamp(self.box.lower, self.box.upper)

    def steepest_step(
        self, z: Float[Tensor, "b *z"], gradient: Float[Tensor, "b *z"], length: Float[Tensor, "b"], noise: Noise
    ) -> Float[Tensor, "b *z"]:
        return torch.addcmul(z, gradient.sign(), per_example(length, z))

    def sample(self, noise: Noise) -> Float[Tensor, "b *z"]:
        """Return a uniform point of the box per example."""
        share = noise.uniform(tuple(self.start.shape[1:]), self.start.dtype)
        return self.project(torch.lerp(self.box.lower, self.box.upper, share))

    def contains(self, z: Float[Tensor, "b *z"], atol: float = 0.0) -> Bool[Tensor, "b"]:
        return ((z >= self.box.lower - atol) & (z <= self.box.upper + atol)).flatten(1).all(1)

    def support_function(self, c: Float[Tensor, "b k *z"]) -> Float[Tensor, "b k"]:
        c = c.flatten(2)
        center, radius = self.box.center.flatten(1), self.box.radius.flatten(1)
        return (c @ center[:, :, None] + c.abs() @ radius[:, :, None])[:, :, 0]

    def bounding_box(self) -> Box:
        return self.box
