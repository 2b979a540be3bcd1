"""Smooth functions that are not defined, or not finite, everywhere."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.relaxation import Relaxation
from hauberk.functions.smooth import Smooth


class Partial(Smooth):
    """A smooth function on a part of the real line; on boxes that leave it, all that is known is `image`.

    A network that meets such a point computes NaN or an infinity, which no finite bound describes.
    """

    domain: tuple[float, float]
    """The least and the largest number that boxes may hold; slopes there, and their squares, are finite."""
    image: tuple[float, float] = (-math.inf, math.inf)
    """The least and the largest value on the whole line, NaN taken for anything."""
    inside: float = 1.0
    """A number of the domain, which stands in for boxes that leave it."""
    tight = False

    def leaves(self, box: Box) -> Bool[Tensor, "b *z"]:
        """Return a mask of the elements whose box leaves the domain."""
        return (box.lower < self.domain[0]) | (box.upper > self.domain[1])

    def kept(self, box: Box) -> tuple[Box, Bool[Tensor, "b *z"]]:
        """Return the box with those elements replaced that leave the domain, and a mask of them."""
        leaves = self.leaves(box)
        return Box(box.lower.masked_fill(leaves, self.inside), box.upper.masked_fill(leaves, self.inside)), leaves

    def interval(self, box: Box) -> Box:
        """Return the image of a monotone function: increasing or decreasing."""
        box, leaves = self.kept(box)
        span = self.span(box)
        error = torch.maximum(self.error(span.low, span.value_low), self.error(span.high, span.value_high))
        lower = torch.minimum(span.value_low, span.value_high) - error
        upper = torch.maximum(span.value_low, span.value_high) + error
        return Box(
            lower.clamp(min=self.image[0]).masked_fill(leaves, self.image[0]),
            upper.masked_fill(leaves, self.image[1]),
        )

    def relax(self, box: Box, choice: Float[Tensor, "b *z"] | None = None) -> Relaxation:
        box, leaves = self.kept(box)
        return self.flattened(super().relax(box, choice), leaves)

    def relax_parallel(self, box: Box) -> Relaxation:
        box, leaves = self.kept(box)
        return self.flattened(super().relax_parallel(box), leaves)

    def flattened(self, lines: Relaxation, leaves: Bool[Tensor, "b *z"]) -> Relaxation:
        """Return the lines, with constants in place of those whose box leaves the domain."""
        low = torch.zeros_like(lines.lower_slope) if lines.lower_intercept is None else lines.lower_intercept
        slopes = lines.lower_slope.masked_fill(leaves, 0), lines.upper_slope.masked_fill(leaves, 0)
        slopes = (slopes[0], slopes[0]) if lines.lower_slope is lines.upper_slope else slopes
        least, most = self.image
        return Relaxation(*slopes, lines.upper_intercept.masked_fill(leaves, most), low.masked_fill(leaves, least))
