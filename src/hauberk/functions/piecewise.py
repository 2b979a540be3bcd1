"""Piecewise linear functions, given by their bends and slopes."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.pieces import Pieces
from hauberk.concepts.relaxation import Relaxation
from hauberk.functions.scalar_function import Fan, ScalarFunction, Span, secant

Number = float | Float[Tensor, "*#z"]
"""One number for all elements, or a tensor of them that broadcasts: one for each channel, say."""


class PiecewiseLinear(ScalarFunction):
    """A function whose slope rises at one point at most, then falls at one at most; if it does both, it falls back.

    Lines are exact up to the rounding of f(z) - slope * z, which bound methods allow for by `Relaxation.magnitude`.
    If the box contains no bend, both lines are the function itself. Source of the parallel lines, for hardtanh: Wong
    et al. 2018, corollary 6 (its printed table is unsound; the slopes here are the corrected ones).
    """

    rise: Number
    """The point at which the slope increases; -inf for none."""
    fall: Number
    """The point at which it decreases; inf for none."""
    slopes: tuple[Number, Number, Number]
    """The slopes before `rise`, between, and after `fall`."""
    tight = True

    def lipschitz(self) -> float:
        return max(float(torch.as_tensor(slope).abs().max()) for slope in self.slopes)

    @property
    def pieces(self) -> Pieces | None:
        """The bends and slopes, for exact methods, if all elements share them."""
        if any(isinstance(number, Tensor) for number in (self.rise, self.fall, *self.slopes)):
            return None
        knots = tuple(float(at) for at in (self.rise, self.fall) if math.isfinite(at))
        first, last = int(math.isinf(self.rise)), 3 - int(math.isinf(self.fall))
        return Pieces(knots, tuple(float(slope) for slope in self.slopes[first:last]))

    def loose(self, box: Box) -> Bool[Tensor, "b *z"]:
        """Return a mask of the elements whose box contains a bend: elsewhere both lines are the function itself."""
        rises = (box.lower < self.rise) & (self.rise < box.upper)
        return rises | ((box.lower < self.fall) & (self.fall < box.upper))

    def interval(self, box: Box) -> Box:
        span = self.span(box)
        low, high = span.value_low, span.value_high
        if not all(isinstance(slope, float) and slope >= 0 for slope in self.slopes):
            ends = torch.stack([low, high, *(self.bend(at, span)[1] for at in (self.rise, self.fall))])
            low, high = ends.amin(0), ends.amax(0)
        if not self.roundings:
            return Box(low, high)
        share = self.roundings * torch.finfo(low.dtype).eps
        return Box(low - share * low.abs(), high + share * high.abs())

    def bend(self, at: Number, span: Span) -> tuple[Float[Tensor, "b *z"], Float[Tensor, "b *z"]]:
        """Return the point of the box nearest to a bend, and the function's value there."""
        if isinstance(at, float) and math.isinf(at):
            return (span.high, span.value_high) if at > 0 else (span.low, span.value_low)
        point = span.clip(at)
        return point, self(point)

    def fans(self, span: Span) -> tuple[Fan, Fan]:
        before, between, after = self.slopes
        (rise, at_rise), (fall, at_fall) = self.bend(self.rise, span), self.bend(self.fall, span)
        rises, falls = (span.low < rise) & (rise < span.high), (span.low < fall) & (fall < span.high)
        bent = rises | falls
        straight = torch.where(span.low >= self.fall, after, between + torch.zeros_like(rise))
        straight = torch.where(span.high <= self.rise, before, straight)
        narrow = torch.finfo(rise.dtype).tiny ** 0.5
        to_high = secant(rise, span.high, at_rise, span.value_high, narrow, straight)
        from_low = secant(span.low, fall, span.value_low, at_fall, narrow, straight)
        to_high, from_low = torch.where(bent, to_high, straight), torch.where(bent, from_low, straight)
        first, last = torch.where(rises, before, to_high), torch.where(falls, after, from_low)
        return (
            Fan(first, to_high, torch.where(span.center > rise, to_high, first)),
            Fan(last, from_low, torch.where(span.center < fall, from_low, last)),
        )

    def lines(self, span: Span, lower: Float[Tensor, "b *z"], upper: Float[Tensor, "b *z"]) -> Relaxation:
        above = torch.maximum(span.value_low - upper * span.low, span.value_high - upper * span.high)
        below = torch.minimum(span.value_low - lower * span.low, span.value_high - lower * span.high)
        (rise, at_rise), (fall, at_fall) = self.bend(self.rise, span), self.bend(self.fall, span)
        above = torch.maximum(above, at_fall - upper * fall)
        return Relaxation(lower, upper, above, torch.minimum(below, at_rise - lower * rise))
