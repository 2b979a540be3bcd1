"""Functions that are straight between a few points, and may jump there."""

import math
from abc import abstractmethod
from collections.abc import Callable
from functools import reduce
from itertools import combinations

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.relaxation import Relaxation
from hauberk.functions.scalar_function import Fan, ScalarFunction, Span, secant

Corner = tuple[Float[Tensor, "b *z"], Float[Tensor, "b *z"]]
"""A point of the graph of a function: where, and the value."""


class Polygon(ScalarFunction):
    """A function of straight pieces in any order. Between its jumps it is continuous; at one it has either limit.

    On a box its graph lies in the convex hull of the corners there: its ends, and both limits at every knot inside.
    Envelopes are chains of chords between corners. With k knots a relaxation takes about (2 k + 2)^3 / 2 element-wise
    passes.
    """

    @property
    @abstractmethod
    def corners(self) -> tuple[tuple[float, float, float], ...]:
        """Every knot with the limits from the left and from the right, in increasing order."""

    def hull(self, span: Span) -> list[Corner]:
        """Return the corners on a box from left to right; those outside of it become its ends."""
        found = [(span.low, span.value_low)]
        for knot, left, right in self.corners:
            at, after = span.clip(knot), span.low < knot
            beyond = torch.where(after, span.value_high, span.value_low)
            found.append((at, torch.where(after & (knot <= span.high), left, beyond)))
            found.append((at, torch.where((span.low <= knot) & (knot < span.high), right, beyond)))
        return [*found, (span.high, span.value_high)]

    def loose(self, box: Box) -> Bool[Tensor, "b *z"]:
        """Return a mask of the elements whose box holds a knot: elsewhere both lines are the function itself."""
        met = [(box.lower <= knot) & (knot <= box.upper) for knot, _, _ in self.corners]
        return reduce(torch.logical_or, met) & (box.lower < box.upper)

    def interval(self, box: Box) -> Box:
        values = torch.stack([value for _, value in self.hull(self.span(box))])
        return Box(values.amin(0), values.amax(0))

    def fans(self, span: Span) -> tuple[Fan, Fan]:
        hull = self.hull(span)
        return self.fan(hull, span, torch.minimum), self.fan(hull, span, torch.maximum)

    def fan(self, hull: list[Corner], span: Span, farther: Callable[..., Tensor]) -> Fan:
        """Return the slopes of the envelope's first and last piece, and of the one over the middle of the box."""
        bend = 1.0 if farther is torch.minimum else -1.0
        middle, farthest = torch.zeros_like(span.low), torch.full_like(span.low, bend * math.inf)
        for first, second in combinations(hull, 2):
            slope = chord(first, second)
            height = first[1] + slope * (span.center - first[0])
            over = (first[0] <= span.center) & (span.center <= second[0]) & (first[0] < second[0])
            middle = torch.where(over & (bend * height < bend * farthest), slope, middle)
            farthest = torch.where(over, farther(farthest, height), farthest)
        from_low = torch.stack([chord(hull[0], corner, middle) for corner in hull[1:]])
        to_high = torch.stack([chord(corner, hull[-1], middle) for corner in hull[:-1]])
        least, most = (from_low.amin(0), to_high.amax(0)) if bend > 0 else (to_high.amin(0), from_low.amax(0))
        return Fan(torch.minimum(least, middle), torch.maximum(most, middle), middle)

    def steeper(self, below: Fan, above: Fan, span: Span) -> Float[Tensor, "b *z"]:
        """Return the slope for which the distance between two parallel lines is smallest: that of some chord."""
        hull = self.hull(span)
        best, least = torch.zeros_like(span.low), torch.full_like(span.low, math.inf)
        for first, second in combinations(hull, 2):
            slope = chord(first, second)
            heights = torch.stack([value - slope * at for at, value in hull])
            gap = heights.amax(0) - heights.amin(0)
            best, least = torch.where(gap < least, slope, best), torch.minimum(gap, least)
        return best

    def lines(self, span: Span, lower: Float[Tensor, "b *z"], upper: Float[Tensor, "b *z"]) -> Relaxation:
        hull = self.hull(span)
        below, above = (torch.stack([value - slope * at for at, value in hull]) for slope in (lower, upper))
        return Relaxation(lower, upper, above.amax(0), below.amin(0))


def chord(first: Corner, second: Corner, instead: Tensor | None = None) -> Float[Tensor, "b *z"]:
    """Return the slope through two corners, or `instead` (0 for None) where they lie above each other."""
    narrow = torch.finfo(first[0].dtype).tiny ** 0.5
    zero = torch.zeros_like(first[0])
    return secant(*(first[0], second[0], first[1], second[1]), narrow, zero if instead is None else instead)
