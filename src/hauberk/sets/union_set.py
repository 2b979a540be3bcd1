"""Unions of perturbation sets."""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet, PerturbationSet
from hauberk.concepts.rows import Rows


@dataclass(frozen=True)
class UnionSet(CertifiableSet):
    """The union of several sets around the same inputs; not convex.

    Its radius and its unit of steps are the largest of theirs and represent all of them: a step of some share of it is
    a step of the same share of each member's own.

    Args:
        members: the sets, around the same unperturbed points.
    """

    members: tuple[CertifiableSet, ...]
    convex = False

    @property
    def symmetric(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return all(S.symmetric for S in self.members)

    @property
    def nested(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]
        return all(S.nested for S in self.members)

    @property
    def start(self) -> Float[Tensor, "b *z"]:
        return self.members[0].start

    @property
    def parts(self) -> tuple[CertifiableSet, ...]:
        return tuple(part for S in self.members for part in S.parts)

    @property
    def radius(self) -> Float[Tensor, "b"]:
        return torch.stack([S.radius for S in self.members]).amax(0)

    @property
    def step_unit(self) -> Float[Tensor, "b"]:
        return torch.stack([S.step_unit for S in self.members]).amax(0)

    @property
    def stride(self) -> Float[Tensor, "b"]:
        return torch.stack([S.stride for S in self.members]).amax(0)

    @property
    def blur(self) -> Float[Tensor, "b"] | None:  # pyright: ignore[reportIncompatibleVariableOverride]
        found = [blur for S in self.members if (blur := S.blur) is not None]
        return torch.stack(found).amax(0) if found else None

    @cached_property
    def unit(self) -> Float[Tensor, "b"]:
        return self.members[0].unit

    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "UnionSet":
        return UnionSet(tuple(S.select(index) for S in self.members))

    def resized(self, radius: Float[Tensor, "b"]) -> "UnionSet":
        share = torch.where(self.radius > 0, radius / self.radius, 0)
        return UnionSet(tuple(S.resized(share * S.radius) for S in self.members))

    def project(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the nearest of the members' projections per example."""
        points = torch.stack([S.project(z) for S in self.members])
        return chosen(points, (points - z).flatten(2).double().square().sum(2).argmin(0))

    def steepest_step(
        self, z: Float[Tensor, "b *z"], gradient: Float[Tensor, "b *z"], length: Float[Tensor, "b"], noise: Noise
    ) -> Float[Tensor, "b *z"]:
        """Return the most promising of the members' steps per example, a point of that member.

        Each member takes its own steepest step and projects it; the point with the largest linear gain along `gradient`
        is chosen. Source: Maini, Wong & Kolter 2020, whose choice costs a forward pass per member.
        """
        share = torch.where(self.step_unit > 0, length / self.step_unit, 0)
        points = torch.stack(
            [S.project(S.steepest_step(z, gradient, share * S.step_unit, noise)) for S in self.members]
        )
        return chosen(points, ((points - z) * gradient).flatten(2).sum(2).argmax(0))

    def sample(self, noise: Noise) -> Float[Tensor, "b *z"]:
        """Return a random point of a random member per example."""
        points = torch.stack([S.sample(noise.fold(i)) for i, S in enumerate(self.members)])
        number = (noise.uniform((1,))[:, 0] * len(points)).long().clamp(max=len(points) - 1)
        return chosen(points, number)

    def contains(self, z: Float[Tensor, "b *z"], atol: float = 0.0) -> Bool[Tensor, "b"]:
        return torch.stack([S.contains(z, atol) for S in self.members]).any(0)

    def support_function(self, c: Float[Tensor, "b k *z"]) -> Float[Tensor, "b k"]:
        return torch.stack([S.support_function(c) for S in self.members]).amax(0)

    def support_of_rows(self, rows: Rows) -> Float[Tensor, "r 2"]:
        center, spread = torch.stack([S.support_of_rows(rows) for S in self.members]).unbind(2)
        upper, lower = (center + spread).amax(0), (center - spread).amin(0)
        return torch.stack([upper + lower, upper - lower], 1) * 0.5

    def bounding_box(self) -> Box:
        boxes = [S.bounding_box() for S in self.members]
        lower, upper = (torch.stack([getattr(box, side) for box in boxes]) for side in ("lower", "upper"))
        return Box(lower.amin(0), upper.amax(0))


def chosen(points: Float[Tensor, "m b *z"], number: Int[Tensor, "b"]) -> Float[Tensor, "b *z"]:
    """Return, for each example, the one of its m points with this index."""
    return points[number, torch.arange(points.shape[1], device=points.device)]


def members_of(S: PerturbationSet) -> tuple[PerturbationSet, ...]:
    """Return the members of a union; any other set is its only member."""
    return S.members if isinstance(S, UnionSet) else (S,)
