"""Scalar functions relaxed by slope: a slope is picked, and its tightest sound intercept computed."""

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
    """The ends of a box, and a function's values there.

    Args:
        low: the lower end.
        high: the upper end.
        value_low: the function's value at the lower end.
        value_high: the function's value at the upper end.
    """

    low: Float[Tensor, "b *z"]
    high: Float[Tensor, "b *z"]
    value_low: Float[Tensor, "b *z"]
    value_high: Float[Tensor, "b *z"]

    @cached_property
    def center(self) -> Float[Tensor, "b *z"]:
        """The midpoint of the box."""
        return 0.5 * self.low + 0.5 * self.high  # low + high may overflow

    def clip(self, point: float | Float[Tensor, "*#z"]) -> Float[Tensor, "b *z"]:
        """Return the point of the box nearest to `point`, which may be infinite."""
        if isinstance(point, float) and math.isinf(point):
            return self.high if point > 0 else self.low
        return torch.minimum(self.low.clamp(min=point), self.high)


@dataclass(frozen=True)
class Fan:
    """The slopes of the lines that support a function from one side on a box: all from `least` to `most`.

    Args:
        least: the smallest slope.
        most: the largest slope.
        middle: the slope of the line that supports the envelope at the middle of the box, the one of least area.
    """

    least: Float[Tensor, "b *z"]
    most: Float[Tensor, "b *z"]
    middle: Float[Tensor, "b *z"]

    def pick(self, choice: Float[Tensor, "b *z"] | None) -> Float[Tensor, "b *z"]:
        """Return the slope at this share of the way from `least` to `most`, or `middle` for None."""
        return self.middle if choice is None else self.least + choice * (self.most - self.least)


class ScalarFunction(Elementwise):
    """A function whose lower line supports its convex envelope on the box, and whose upper line its concave one.

    With `choice`, both lines go from their smallest slope to their largest. The area between a line and the function
    is the box's width times the distance at its middle, plus a term common to all lines: hence the rule for None.
    """

    @abstractmethod
    def fans(self, span: Span) -> tuple[Fan, Fan]:
        """Return the possible slopes of lines that touch the function's envelopes, from below and from above."""

    @abstractmethod
    def lines(self, span: Span, lower: Float[Tensor, "b *z"], upper: Float[Tensor, "b *z"]) -> Relaxation:
        """Return sound lines with these slopes, which may be arbitrary: intercepts are extrema of f(z) - slope * z."""

    def steeper(self, below: Fan, above: Fan, span: Span) -> Float[Tensor, "b *z"]:
        """Return the slope for which the distance between two parallel lines is smallest.

        The distance falls with the slope as long as the upper line touches to the right of the lower one. For a
        function that is convex first and then concave, this ends at the smaller of the two largest slopes.
        """
        return torch.minimum(below.most, above.most)

    def span(self, box: Box) -> Span:
        """Return the ends of the box, and the function's values there."""
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
    """Return the slope through two points of a curve, or `instead` where they are closer than `narrow`.

    There the quotient, or its gradient, would consist of rounding errors only.
    """
    width = second - first
    wide = width.abs() > narrow
    return torch.where(wide, (value_second - value_first) / torch.where(wide, width, 1), instead)
