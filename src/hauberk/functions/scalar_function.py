"""Scalar functions whose relaxations follow from slopes: a slope is picked, its tightest sound intercept computed."""

import math
from abc import abstractmethod
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.op import Elementwise
from hauberk.concepts.relaxation import Relaxation


@dataclass(frozen=True)
class Span:
    """The ends of a box, and a function's values there."""

    low: Float[Tensor, "b *z"]
    high: Float[Tensor, "b *z"]
    value_low: Float[Tensor, "b *z"]
    value_high: Float[Tensor, "b *z"]

    @cached_property
    def center(self) -> Float[Tensor, "b *z"]:
        return 0.5 * self.low + 0.5 * self.high  # their sum may overflow

    def clip(self, point: float) -> Float[Tensor, "b *z"]:
        """Return the point of the box that is nearest to this one; it may be infinite."""
        if math.isinf(point):
            return self.high if point > 0 else self.low
        return torch.minimum(self.low.clamp(min=point), self.high)


@dataclass(frozen=True)
class Fan:
    """The slopes of the lines that support a function from one side on a box: all from `least` to `most`."""

    least: Float[Tensor, "b *z"]
    most: Float[Tensor, "b *z"]
    middle: Float[Tensor, "b *z"]
    """Of the line that supports the envelope at the middle of the box, which is the one of least area."""

    def pick(self, choice: Float[Tensor, "b *z"] | None) -> Float[Tensor, "b *z"]:
        """Return the slope at this share of the way from the least to the most; None is the middle's."""
        return self.middle if choice is None else self.least + choice * (self.most - self.least)


class ScalarFunction(Elementwise):
    """A function whose lower line supports its convex envelope on the box, and whose upper line its concave one.

    Both lines move with `choice` from their least slope to their greatest. The area between a line and the function is
    the box's width times the distance at its middle, plus what no line changes: hence the rule for None.
    """

    @abstractmethod
    def fans(self, span: Span) -> tuple[Fan, Fan]:
        """Return the slopes that lines below and above the function may have to touch its envelopes."""

    @abstractmethod
    def lines(self, span: Span, lower: Float[Tensor, "b *z"], upper: Float[Tensor, "b *z"]) -> Relaxation:
        """Return sound lines of these slopes, whatever they are: intercepts are extrema of f(z) - slope * z."""

    def steeper(self, below: Fan, above: Fan, span: Span) -> Float[Tensor, "b *z"]:
        """Return the slope for which the distance between two parallel lines is least.

        The distance falls with the slope while the upper line touches to the right of the lower one. For a function
        that is convex first and concave then, this ends at the first of the two greatest slopes.
        """
        return torch.minimum(below.most, above.most)

    def span(self, box: Box) -> Span:
        return Span(box.lower, box.upper, self(box.lower), self(box.upper))

    def relax(self, box: Box, choice: Float[Tensor, "b *z"] | None = None) -> Relaxation:
        span = self.span(box)
        below, above = self.fans(span)
        return self.lines(span, below.pick(choice), above.pick(choice))

    def relax_parallel(self, box: Box) -> Relaxation:
        span = self.span(box)
        slope = self.steeper(*self.fans(span), span)
        return self.lines(span, slope, slope)


def secant(
    first: Float[Tensor, "b *z"],
    second: Float[Tensor, "b *z"],
    value_first: Float[Tensor, "b *z"],
    value_second: Float[Tensor, "b *z"],
    narrow: float,
    instead: Float[Tensor, "b *z"],
) -> Float[Tensor, "b *z"]:
    """Return the slope through two points of a curve; `instead` where they lie closer than `narrow`.

    There the quotient, or its gradient, would consist of rounding errors.
    """
    width = second - first
    wide = width.abs() > narrow
    return torch.where(wide, (value_second - value_first) / torch.where(wide, width, 1), instead)
