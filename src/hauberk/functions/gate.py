"""Smooth gates, z times a smooth step function: GELU, SiLU, Mish."""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.functions.lookup import Lookup, bisected
from hauberk.functions.scalar_function import Fan, Span
from hauberk.functions.smooth import ULPS, Piece, Smooth
from hauberk.functions.tangents import Tangents


class Gate(Smooth):
    """A function with two inflections: concave, then convex, then concave; far out it is 0 on the left, z on the right.

    The mirrored function z + f(-z) is another gate. For a step s with s(z) + s(-z) = 1, as of GELU and SiLU, it is the
    same one.
    """

    inflections: tuple[float, float]
    """The inflection points, left and right of zero."""
    bottom: float
    """The minimum point, left of zero."""
    straight: float
    """The point beyond which the function equals z, and below minus which it equals 0, to float64 precision."""

    @cached_property
    def curves(self) -> tuple[Piece, ...]:
        low, high = self.inflections
        right, left = Side(self), Side(self, mirrored=True)
        inner, inner_mirrored = Tangents(right, low, high, 1), Tangents(left, -high, -low, 1)
        outer, outer_mirrored = (
            Tangents(side, side.inflection, self.straight, -1, limit=0.0) for side in (right, left)
        )
        tail, tail_mirrored = SlopeOfTail(right), SlopeOfTail(left)
        return (
            Piece(low, high, 1, SlopeBetween(self), inner, lambda z: -inner_mirrored(-z)),
            Piece(-math.inf, low, -1, lambda s: -tail_mirrored(1 - s), from_right=lambda z: -outer_mirrored(-z)),
            Piece(high, math.inf, -1, tail, from_left=outer),
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
        """Return the slope of the closest parallel lines; on the left, the concave piece comes first: mirrored."""
        right = super().steeper(below, above, span)
        return torch.where(span.center > sum(self.inflections) / 2, right, torch.maximum(below.least, above.least))


@dataclass(frozen=True)
class Side:
    """A gate with its right end in view, or mirrored: z + f(-z).

    Args:
        gate: the gate.
        mirrored: whether it is mirrored.
    """

    gate: Gate
    mirrored: bool = False

    @property
    def inflection(self) -> float:
        """The right inflection."""
        return -self.gate.inflections[0] if self.mirrored else self.gate.inflections[1]

    @property
    def steepest(self) -> float:
        """The greatest slope, which is at the right inflection."""
        return self.slope(torch.tensor([self.inflection], dtype=torch.float64)).item()

    def __call__(self, z: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        return z + self.gate(-z) if self.mirrored else self.gate(z)

    def slope(self, z: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        """Return the derivative."""
        return 1 - self.gate.slope(-z) if self.mirrored else self.gate.slope(z)


@dataclass(frozen=True)
class SlopeBetween(Lookup):
    """A map from a slope to the point between the inflections with that slope; smooth in the angle of its cosine.

    Args:
        gate: the gate.
    """

    gate: Gate
    end = math.pi

    @cached_property
    def range(self) -> tuple[float, float]:
        """The middle of the slopes between the inflections, and half their difference."""
        least, most = 1 - Side(self.gate, mirrored=True).steepest, Side(self.gate).steepest
        return (least + most) / 2, (most - least) / 2

    def __call__(self, slope: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        middle, half = self.range
        return self.at(((middle - slope) / half).clamp(-1, 1).acos())

    def knots(self, y: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        middle, half = self.range
        low, high = self.gate.inflections
        slope = middle - half * y.cos()
        found = bisected(lambda z: self.gate.slope(z) < slope, torch.full_like(y, low), torch.full_like(y, high))
        return torch.where(y > 0, found, low)


@dataclass(frozen=True)
class SlopeOfTail(Lookup):
    """A map from a slope above 1 to the point right of the inflections with that slope; infinity for other slopes.

    The slope falls to 1 like exp(-z) or exp(-z^2): the root of its logarithm is smooth, even at the inflection.

    Args:
        side: the gate, or the gate mirrored.
    """

    side: Side
    end = 5.5

    @cached_property
    def excess(self) -> float:
        """The greatest slope, less 1."""
        return self.side.steepest - 1

    def __call__(self, slope: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        share = (slope - 1) / self.excess
        point = self.at((-share.clamp(1e-30, 1).log()).sqrt())
        return torch.where(share > 0, point, math.inf)

    def knots(self, y: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        slope = 1 + torch.exp(-(y**2)) * self.excess
        low = torch.full_like(y, self.side.inflection)
        found = bisected(lambda z: self.side.slope(z) > slope, low, torch.full_like(y, self.side.gate.straight))
        return torch.where(y > 0, found, self.side.inflection)
