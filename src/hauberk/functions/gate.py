"""Smooth gates, z times a smooth step function: GELU, SiLU."""

import math
from dataclasses import dataclass
from functools import cache, cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.functions.lookup import Lookup, bisected
from hauberk.functions.scalar_function import Fan, Span
from hauberk.functions.smooth import ULPS, Piece, Smooth
from hauberk.functions.tangents import Tangents


class Gate(Smooth):
    """A function z / 2 + (an even one) with two inflections: concave, then convex, then concave; straight far out.

    A mirrored box has mirrored lines: f(-z) = f(z) - z, and slopes add up to 1.
    """

    inflection: float
    """The positive inflection point."""
    bottom: float
    """The minimum point, left of zero."""
    straight: float
    """The point beyond which the function equals z, and below minus which it equals 0, to float64 precision."""

    @cached_property
    def curves(self) -> tuple[Piece, ...]:
        inflection = self.inflection
        inner = Tangents(self, -inflection, inflection, 1)
        outer = Tangents(self, inflection, self.straight, -1, limit=0.0)
        between, tail = SlopeBetween(self), SlopeOfTail(self)
        return (
            Piece(-inflection, inflection, 1, between, inner, lambda z: -inner(-z)),
            Piece(-math.inf, -inflection, -1, lambda s: -tail(1 - s), from_right=lambda z: -outer(-z)),
            Piece(inflection, math.inf, -1, tail, from_left=outer),
        )

    def error(self, z: Float[Tensor, "b *z"], value: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the error of a product with a step that is itself a difference: relative to z where the step is small.

        Below z = -9 torch's GELU is zero, even in float64; SiLU is more accurate.
        """
        absolute = ULPS * torch.finfo(value.dtype).eps * z.abs().clamp(max=9)
        return super().error(z, value) + absolute

    def interval(self, box: Box) -> Box:
        span = self.span(box)
        low = span.clip(self.bottom)
        lower = self(low)
        upper = torch.maximum(span.value_low, span.value_high)
        reach = torch.maximum(span.low.abs(), span.high.abs())
        return Box(lower - self.error(low, lower), upper + self.error(reach, upper))

    def steeper(self, below: Fan, above: Fan, span: Span) -> Float[Tensor, "b *z"]:
        """Return the slope of the closest parallel lines; left of zero, the concave piece comes first: mirrored."""
        right = super().steeper(below, above, span)
        return torch.where(span.center > 0, right, torch.maximum(below.least, above.least))


@dataclass(frozen=True)
class SlopeBetween(Lookup):
    """A map from a slope to the point between the inflections with that slope; smooth in the square root.

    Args:
        gate: the gate.
    """

    gate: Gate
    end = 1.0

    def __call__(self, slope: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        rest = 1 - (slope - 0.5).abs() / (steepest(self.gate) - 0.5)
        return torch.copysign(self.at(rest.clamp(min=0).sqrt()), slope - 0.5)

    def knots(self, y: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        slope = 0.5 + (1 - y**2) * (steepest(self.gate) - 0.5)
        zero = torch.zeros_like(y)
        found = bisected(lambda z: self.gate.slope(z) < slope, zero, zero + self.gate.inflection)
        return torch.where(y > 0, found, self.gate.inflection)


@dataclass(frozen=True)
class SlopeOfTail(Lookup):
    """A map from a slope above 1 to the point right of the inflections with that slope; infinity for other slopes.

    The slope falls to 1 like exp(-z) or exp(-z^2): the root of its logarithm is smooth, even at the inflection.

    Args:
        gate: the gate.
    """

    gate: Gate
    end = 5.5

    def __call__(self, slope: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        share = (slope - 1) / (steepest(self.gate) - 1)
        point = self.at((-share.clamp(1e-30, 1).log()).sqrt())
        return torch.where(share > 0, point, math.inf)

    def knots(self, y: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        slope = 1 + torch.exp(-(y**2)) * (steepest(self.gate) - 1)
        low = torch.full_like(y, self.gate.inflection)
        found = bisected(lambda z: self.gate.slope(z) > slope, low, torch.full_like(y, self.gate.straight))
        return torch.where(y > 0, found, self.gate.inflection)


@cache
def steepest(gate: Gate) -> float:
    """Return a gate's greatest slope."""
    return gate.slope(torch.tensor([gate.inflection], dtype=torch.float64)).item()
