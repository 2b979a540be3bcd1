"""Balls in the distance between the activations of a network."""

from dataclasses import dataclass, replace
from functools import cached_property

import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

from hauberk.concepts.metric_ball import MetricBall
from hauberk.concepts.noise import Noise
from hauberk.concepts.radius import per_example
from hauberk.errors import InputError
from hauberk.kernels.gradients import gradients, ordinary, ordinary_mode
from hauberk.kernels.host import on_host
from hauberk.layers.perceptual_features import Features
from hauberk.sets.conjugate_gradient import solved

PROBES = 8
"""The number of points of a segment at which a projection measures the distance."""
NEAR, ROUNDINGS = 1e-5, 64
"""Differences of distances that count as rounding: a share of the radius, and a number of units of precision."""


@dataclass(frozen=True)
class PerceptualSet(MetricBall):
    """The images in the range whose features differ from those of `start` by at most `radius` in Euclidean distance.

    Nothing is known of its shape. `project` does not find the nearest member but one on the segment from `start`, and
    proofs do not apply. Distances are those of the network's precision, in which results depend on the batch by
    rounding: an image is a member up to a distance of radius * (1 + 1e-5) + 64 units of precision.

    Args:
        start: the unperturbed images.
        radius: the radii: two features of L layers are at most sqrt(2 * L) apart where activations are not negative.
        features: the map from images to features.
        within: the range of valid inputs; None if every number is valid.
    """

    start: Float[Tensor, "b *z"]
    radius: Float[Tensor, "b"]
    features: Features
    within: tuple[float, float] | None
    metric = "perceptual"  # pyright: ignore[reportAssignmentType]
    retracts = True

    @cached_property
    def anchor(self) -> Float[Tensor, "b n"]:
        """The features of the unperturbed images."""
        with ordinary_mode(), torch.no_grad():
            features = self.features(self.start)
        if not features.isfinite().all():
            raise InputError(
                "distances have no meaning: the network that measures them has infinite or NaN activations."
            )
        return features

    @property
    def rounding(self) -> float:
        """Distances that count as 0."""
        return ROUNDINGS * torch.finfo(self.anchor.dtype).eps

    @property
    def stride(self) -> Float[Tensor, "b"]:
        return self.unit

    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "PerceptualSet":
        return self.keeping(self.anchor[index], start=self.start[index], radius=self.radius[index])

    def resized(self, radius: Float[Tensor, "b"]) -> "PerceptualSet":
        return self.keeping(self.anchor, radius=radius)

    def keeping(self, anchor: Float[Tensor, "b n"], **fields: Tensor) -> "PerceptualSet":
        """Return the set with other fields, whose features are known."""
        changed = replace(self, **fields)  # pyright: ignore[reportArgumentType]
        vars(changed)["anchor"] = anchor
        return changed

    def distance(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b"]:
        """Return the distance of z's features from those of the unperturbed images, range or not."""
        return self.apart(self.features(z) - self.anchor).to(z.dtype)

    def between(self, a: Float[Tensor, "b *z"], z: Float[Tensor, "b *z"]) -> Float[Tensor, "b"]:
        first, second = self.features(torch.cat([a, z])).chunk(2)
        return self.apart(second - first).to(z.dtype)

    def apart(self, difference: Float[Tensor, "b n"]) -> Float[Tensor, "b"]:
        """Return the norms of differences of features: 0, and without a gradient, where they are rounding."""
        size = torch.linalg.vector_norm(difference, dim=1)
        return torch.where(size <= self.rounding, 0, size)

    def measured(self, z: Float[Tensor, "b *z"]) -> Float64[Tensor, "b"]:
        return torch.where(self.valid(z), self.distance(z).double(), torch.inf)

    def valid(self, z: Float[Tensor, "b *z"], atol: float = 0.0) -> Bool[Tensor, "b"]:
        """Return a mask of the points in the range."""
        low, high = self.limits
        return ((z >= low - atol) & (z <= high + atol)).flatten(1).all(1)

    def near(self, distance: Float[Tensor, "b"]) -> Bool[Tensor, "b"]:
        """Return a mask of the distances within the radius, up to rounding."""
        return distance <= self.radius * (1 + NEAR) + self.rounding

    def contains(self, z: Float[Tensor, "b *z"], atol: float = 0.0) -> Bool[Tensor, "b"]:
        """Return a mask of the members up to rounding; `atol` is allowed in units of the input and of the distance."""
        with torch.no_grad():
            return self.valid(z, atol) & self.near(self.distance(z) - atol)

    def project(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return members as they are, and of other points, clamped to the range, a member on the segment from `start`.

        It is the farthest one found by PROBES regula falsi steps: always a point that was measured to lie within the
        radius. What is no number becomes the unperturbed value. Takes PROBES + 1 passes of the network; on a CPU one,
        where all are members.
        """
        with torch.no_grad():
            finite = torch.where(z.isnan(), self.start, z).nan_to_num().clamp(*self.limits)
            excess = self.distance(finite) - self.radius
            kept = self.valid(z) & self.near(excess + self.radius)
            if on_host(z) and kept.all():
                return z
            return torch.where(per_example(kept, z), z, self.farthest(finite, excess))

    def farthest(self, end: Float[Tensor, "b *z"], excess: Float[Tensor, "b"]) -> Float[Tensor, "b *z"]:
        """Return members on the segments from `start`; at their ends the distance exceeds the radius by `excess`.

        Of two steps that move the same end of the bracket, the second halves the other end's value (Illinois), so that
        both ends close in even where the distance jumps.
        """
        inside, outside = torch.zeros_like(self.radius), torch.ones_like(self.radius)
        below, above = -self.radius, excess.nan_to_num(1.0, 1.0)
        inside = torch.where(above <= 0, outside, inside)
        last = torch.zeros_like(inside)
        for _ in range(PROBES):
            share = inside + (outside - inside) * (below / (below - above)).nan_to_num().clamp(0, 1)
            found = (self.distance(self.along(end, share)) - self.radius).nan_to_num(1.0, 1.0)
            member = found <= 0
            side = torch.where(member, 1.0, -1.0).to(last)
            halved = torch.where(side == last, 0.5, 1.0).to(last)
            inside, outside = torch.where(member, share, inside), torch.where(member, outside, share)
            below, above = torch.where(member, found, below * halved), torch.where(member, above * halved, found)
            last = side
        return self.along(end, inside)

    def along(self, end: Float[Tensor, "b *z"], share: Float[Tensor, "b"]) -> Float[Tensor, "b *z"]:
        """Return the points at these shares of the segments from `start`; the ends themselves at 0 and 1."""
        return torch.lerp(self.start, end, per_example(share, end)).clamp(*self.limits)

    def steepest_step(
        self, z: Float[Tensor, "b *z"], gradient: Float[Tensor, "b *z"], length: Float[Tensor, "b"], noise: Noise
    ) -> Float[Tensor, "b *z"]:
        """Return z moved so that features, linear in z, move by `length`, and a function of this gradient grows most.

        With J the features' Jacobian, the move is along v = (J^T J)^-1 gradient, by conjugate gradients. Features may
        hardly feel v: then a pixel moves by the share length / radius of the range at most. Where the gradient is 0 or
        not finite, z stays. Takes six passes of the network forward and four back.

        Source: Laidlaw, Singla & Feizi 2021 (PPGD).
        """
        usable = per_example(gradient.isfinite().flatten(1).all(1), z)
        with gradients():
            heading, reach = solved(self.features, ordinary(z), torch.where(usable, gradient, 0), self.unit)
        most = torch.where(self.radius > 0, length / self.radius, 0) * self.unit
        by = torch.minimum(length / reach.clamp(min=torch.finfo(z.dtype).tiny), most)
        return torch.where(usable, z + per_example(by, z) * heading, z)

    def sample(self, noise: Noise) -> Float[Tensor, "b *z"]:
        """Return an image on the way to a random one per example, at a random share of the radius at most."""
        share = noise.fold(0).uniform((1,), self.start.dtype)[:, 0]
        normal = noise.fold(1).normal(tuple(self.start.shape[1:]), self.start.dtype)
        return self.resized(share * self.radius).project(self.start + per_example(self.unit, self.start) * normal)
