"""The logarithm of the softmax, and planes around it."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.op import Relaxable
from hauberk.functions.planes import Planes


@dataclass(frozen=True, kw_only=True)
class LogSoftmaxPlanes(Planes):
    """Planes z_i - <slopes, z> + intercept, with common slopes along the last dimension.

    Args:
        lower_slope, upper_slope: the choices.
        lower_intercept, upper_intercept: as in `Relaxation`.
        below, above: the slopes of the lower planes and of the upper ones; not negative.
    """

    below: Float[Tensor, "b *s n"]
    above: Float[Tensor, "b *s n"]

    @property
    def ones(self) -> Float[Tensor, "b *s n"]:
        return torch.ones_like(self.below)

    def transposed(
        self, rows: Float[Tensor, "r *s n"], owner: Int[Tensor, "r"], lower: bool
    ) -> Float[Tensor, "r *s n"]:
        return rows - rows.sum(-1, keepdim=True) * (self.below if lower else self.above)[owner]

    def push(self, z: Float[Tensor, "b k *s n"]) -> Float[Tensor, "b k *s n"]:
        return z - (z * self.above.unsqueeze(1)).sum(-1, keepdim=True)

    def absolute(self, inputs: Float[Tensor, "b *s n"]) -> Float[Tensor, "b *s n"]:
        return inputs + (inputs * torch.maximum(self.below, self.above)).sum(-1, keepdim=True)


@dataclass(frozen=True)
class LogSoftmax(Relaxable):
    """z_i - L(z) along the last dimension, with L(z) = log sum_j exp(z_j), which is convex.

    Lower planes: exp lies below its chord over each z_j's box, and the logarithm below its tangent at the sum of the
    chords' middles. Upper planes: L lies above its tangents; `choice` is the place in the box of the point where one
    touches, of all z_j together; None is the centre.

    Args:
        count: the length of the last dimension.
    """

    count: int

    @property
    def roundings(self) -> int:
        return 2 * self.count + 16

    @property
    def additions(self) -> int:
        return 2 * self.count

    def __call__(self, z: Float[Tensor, "b *s n"]) -> Float[Tensor, "b *s n"]:
        return torch.log_softmax(z, -1)

    def interval(self, box: Box) -> Box:
        """Return the images of corners: each element grows with its own z_i and falls with all others."""
        lower = -log1p_exp(others(box.upper) - box.lower)
        upper = -log1p_exp(others(box.lower) - box.upper)
        error = self.error(box, 0)
        return Box(lower - error, (upper + error).clamp(max=0))

    def error(self, box: Box, terms: Float[Tensor, "b *s 1"] | float) -> Float[Tensor, "b *s n"]:
        """Return the largest error of an element and of its planes, whose products sum up to `terms` at most."""
        with torch.no_grad():
            most = box.magnitude.amax(-1, keepdim=True) + terms + (2 * math.log(self.count) + 4)
            return (most * (4 * (self.roundings + 16) * torch.finfo(most.dtype).eps)).expand_as(box.magnitude)

    def tangent(self, box: Box, choice: Float[Tensor, "b *s n"] | None) -> tuple[Tensor, Tensor]:
        """Return the slopes and the intercept of a plane that touches L from below."""
        point = box.center if choice is None else torch.lerp(box.lower, box.upper, choice)
        slope = torch.softmax(point, -1)
        return slope, torch.logsumexp(point, -1, keepdim=True) - (slope * point).sum(-1, keepdim=True)

    def chords(self, box: Box) -> tuple[Tensor, Tensor]:
        """Return the slopes and the intercept of a plane above L."""
        most = box.upper.detach().amax(-1, keepdim=True)
        width = box.upper - box.lower
        wide = width > 0
        end = torch.exp(box.upper - most)
        rise = torch.where(wide, -torch.expm1(-width) / torch.where(wide, width, 1), 1)
        total = (0.5 * (end + torch.exp(box.lower - most))).sum(-1, keepdim=True)
        slope = end * rise / total
        return slope, most + total.log() - (slope * box.center).sum(-1, keepdim=True)

    def relax(self, box: Box, choice: Float[Tensor, "b *s n"] | None = None) -> LogSoftmaxPlanes:
        (above, least), (below, most) = self.tangent(box, choice), self.chords(box)
        return self.planes(box, below, above, most, least, choice)

    def relax_parallel(self, box: Box) -> LogSoftmaxPlanes:
        (slope, least), (other, most) = self.tangent(box, None), self.chords(box)
        change = other - slope
        most = most + (change * box.center + change.abs() * box.radius).sum(-1, keepdim=True)
        return self.planes(box, slope, slope, most, least, None, other)

    def planes(
        self,
        box: Box,
        below: Tensor,
        above: Tensor,
        most: Tensor,
        least: Tensor,
        choice: Tensor | None,
        other: Tensor | None = None,
    ) -> LogSoftmaxPlanes:
        """Return the planes of the result from those of L with these slopes and intercepts, widened by their errors."""
        with torch.no_grad():
            slopes = below + above + (0 if other is None else other)
            terms = (slopes * box.magnitude).sum(-1, keepdim=True) + most.abs() + least.abs()
        error = self.error(box, terms)
        share = torch.full_like(error, 0.5) if choice is None else choice
        return LogSoftmaxPlanes(
            lower_slope=share,
            upper_slope=share,
            upper_intercept=error - least,
            lower_intercept=-error - most,
            below=below,
            above=above,
        )


def log1p_exp(z: Float[Tensor, "*z"]) -> Float[Tensor, "*z"]:
    """Return log(1 + exp(z)); torch's softplus is linear from 20 on."""
    return torch.logaddexp(z, torch.zeros_like(z))


def others(z: Float[Tensor, "*s n"]) -> Float[Tensor, "*s n"]:
    """Return, for each element of the last dimension, the logarithm of the sum of exponentials of all others."""
    none = torch.full_like(z[..., :1], torch.finfo(z.dtype).min / 4)
    before = torch.cat([none, z[..., :-1]], -1).logcumsumexp(-1)
    after = torch.cat([z[..., 1:], none], -1).flip(-1).logcumsumexp(-1).flip(-1)
    return torch.logaddexp(before, after)
