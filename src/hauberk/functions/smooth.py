"""Smooth functions, given by their slope and by their convex and concave pieces."""

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.relaxation import Relaxation
from hauberk.functions.scalar_function import Fan, ScalarFunction, Span, secant

ULPS = 8
"""Allowed error of a value: torch's elementary functions are accurate to a few ulps; 4 for us, 4 for the network."""
ROUNDINGS = 16
"""Allowed error, in units of eps * |slope * z|, of slopes (a handful of ulps), of products and of differences."""

Points = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Piece:
    """A part of the real line on which a function bends one way only.

    The points of contact need not be accurate: they affect how tight bounds are, not whether they are sound.

    Args:
        low: the lower end of the piece.
        high: the upper end of the piece.
        bend: 1 if the function is convex there, -1 if it is concave.
        touch: from a slope to the point at which the function has it; beyond the piece if there is none.
        from_left: from a point left of the piece to the point at which a line through it touches the piece; None if
            the piece starts the real line.
        from_right: the same from the right; None if the piece ends the real line.
    """

    low: float
    high: float
    bend: int
    touch: Points
    from_left: Points | None = None
    from_right: Points | None = None


class Smooth(ScalarFunction):
    """A function of alternately convex and concave pieces; increasing, unless it overrides `interval`.

    It is differentiable, unless it overrides `supporting`.

    A line of slope s is sound by construction. Above f, its intercept is the largest value of h(z) = f(z) - s z at the
    ends of the box and of the bounds h(q) + h'(q) (z - q) on each concave piece, for any q; a convex piece lies below
    its chord. The best q is where f' = s, and gradients treat it as a constant, which is exact (envelope theorem).
    Rounding is allowed for: the lines hold in exact arithmetic.
    """

    curves: tuple[Piece, ...]
    tight = True

    @abstractmethod
    def slope(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the derivative, to a few ulps."""

    def supporting(self, z: Float[Tensor, "b *z"], slope: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return, of the slopes of all lines that touch the piece at z from its open side, the closest to `slope`."""
        return self.slope(z)

    def error(self, z: Float[Tensor, "b *z"], value: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the largest error of the value, our evaluation and the network's taken together."""
        limits = torch.finfo(value.dtype)
        return ULPS * limits.eps * value.abs() + limits.tiny

    def departure(self, span: Span) -> Float[Tensor, "b *z"] | float:
        """Return the largest deviation of torch's function from this one on the box, beyond rounding."""
        return 0.0

    def interval(self, box: Box) -> Box:
        span = self.span(box)
        departure = self.departure(span)
        return Box(
            span.value_low - self.error(span.low, span.value_low) - departure,
            span.value_high + self.error(span.high, span.value_high) + departure,
        )

    def fans(self, span: Span) -> tuple[Fan, Fan]:
        ends = self.slope(span.low), self.slope(span.high)
        chord = chord_of(span.low, span.high, span.value_low, span.value_high, 0.5 * ends[0] + 0.5 * ends[1])
        fans = {1: Fan(chord, chord, chord), -1: Fan(chord, chord, chord)}
        for piece in self.curves:
            fans[piece.bend] = self.fan(piece, span, ends, fans[piece.bend])
        return fans[1], fans[-1]

    def fan(self, piece: Piece, span: Span, ends: tuple[Tensor, Tensor], elsewhere: Fan) -> Fan:
        """Return the slopes of the curved part of the envelope if it lies on this piece, else those of `elsewhere`."""
        low, high = span.clip(piece.low), span.clip(piece.high)
        left, right = ends
        if piece.from_left is not None:
            tangent = self.tangent(span.low, span.value_low, left, piece.from_left, low, high)
            left = torch.where(span.low < piece.low, tangent, left)
        if piece.from_right is not None:
            tangent = self.tangent(span.high, span.value_high, right, piece.from_right, low, high)
            right = torch.where(span.high > piece.high, tangent, right)
        least, most = (left, right) if piece.bend > 0 else (right, left)
        middle = self.slope(torch.minimum(torch.maximum(span.center, low), high))
        middle = torch.minimum(torch.maximum(middle, least), most)
        curved = (low < high) & (least < most)
        return Fan(
            torch.where(curved, least, elsewhere.least),
            torch.where(curved, most, elsewhere.most),
            torch.where(curved, middle, elsewhere.middle),
        )

    def tangent(
        self, anchor: Tensor, value: Tensor, slope: Tensor, points: Points, low: Tensor, high: Tensor
    ) -> Float[Tensor, "b *z"]:
        """Return the slope of the line from a point of the curve to where it touches a piece, or to the piece's end.

        It is extreme among the slopes to all points of the piece: errors of the point of contact enter squared,
        gradients not at all.
        """
        with torch.no_grad():
            touched = points(anchor)
        touched = torch.minimum(torch.maximum(touched, low), high)
        return chord_of(anchor, touched, value, self(touched), slope)

    def lines(self, span: Span, lower: Float[Tensor, "b *z"], upper: Float[Tensor, "b *z"]) -> Relaxation:
        below, above = self.intercept(span, lower, 1), self.intercept(span, upper, -1)
        with torch.no_grad():
            error = torch.maximum(self.error(span.low, span.value_low), self.error(span.high, span.value_high))
            error = error + self.departure(span)
            reach = torch.maximum(span.low.abs(), span.high.abs()) * (ROUNDINGS * torch.finfo(lower.dtype).eps)
        return Relaxation(lower, upper, above + (error + upper.abs() * reach), below - (error + lower.abs() * reach))

    def intercept(self, span: Span, slope: Float[Tensor, "b *z"], bend: int) -> Float[Tensor, "b *z"]:
        """Return the intercept of a line below the function (`bend` 1, as of the pieces it may touch) or above (-1)."""
        farther = torch.minimum if bend > 0 else torch.maximum
        farthest = farther(span.value_low - slope * span.low, span.value_high - slope * span.high)
        for piece in self.curves:
            if piece.bend != bend:
                continue
            low, high = span.clip(piece.low), span.clip(piece.high)
            with torch.no_grad():
                point = piece.touch(slope)
            point = torch.minimum(torch.maximum(point, low), high)
            with torch.no_grad():
                rate = self.supporting(point, slope) - slope
                beyond = rate * (torch.where(rate * bend < 0, high, low) - point)
            farthest = farther(farthest, self(point) - slope * point + beyond)
        return farthest


def chord_of(
    first: Tensor, second: Tensor, value_first: Tensor, value_second: Tensor, slope: Tensor
) -> Float[Tensor, "b *z"]:
    """Return the slope through two points of a smooth curve, or the curve's own `slope` if they are close.

    For points closer than the cube root of eps, the error of the curve's slope is smaller than rounding errors.
    """
    narrow = torch.finfo(first.dtype).eps ** (1 / 3)
    return secant(first, second, value_first, value_second, narrow, slope)
