"""The hard swish."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.concepts.relaxation import Relaxation
from hauberk.functions.scalar_function import Fan, ScalarFunction, Span
from hauberk.functions.smooth import ROUNDINGS, ULPS

BEND = 3.0
"""The function is 0 below -BEND and z above BEND; its slope falls at both."""
BOTTOM = -1.5
"""The minimum point."""


@dataclass(frozen=True)
class HardSwish(ScalarFunction):
    """z * relu6(z + 3) / 6: 0, then the parabola z (z + 3) / 6 from -3 to 3, then z.

    From below, the envelope follows the parabola between the points where lines through the ends of the box touch it.
    From above, it is the chord, or where that would cut a bend (-3 if the box is negative, 3 if it is positive), the
    two chords that meet there. Slopes may be inaccurate: `lines` computes sound intercepts for any.
    """

    tight = True

    def __call__(self, z: Tensor) -> Tensor:
        return F.hardswish(z)

    def loose(self, box: Box) -> Bool[Tensor, "b *z"]:
        """Return a mask of the elements whose box reaches into the parabola: elsewhere the function is straight."""
        return (box.lower < box.upper) & (box.lower < BEND) & (box.upper > -BEND)

    def interval(self, box: Box) -> Box:
        span = self.span(box)
        low, high = self(span.clip(BOTTOM)), torch.maximum(span.value_low, span.value_high)
        return Box(low - error(low), high + error(high))

    def fans(self, span: Span) -> tuple[Fan, Fan]:
        chord = average_slope(span)
        first = torch.where(span.low < -BEND, -touching(-span.low), span.low)
        last = torch.where(span.high > BEND, touching(span.high), span.high)
        middle = torch.minimum(torch.maximum(span.center, first), last)
        curved = first < last
        below = Fan(*(torch.where(curved, slope(point), chord) for point in (first, last, middle)))
        left, right = (span.low < -BEND) & (span.high < 0), (span.low > 0) & (span.high > BEND)
        left, right = left & (span.high > -BEND), right & (span.low < BEND)
        steep = torch.where(left, span.high / 6, 1 + span.low / 6)  # from the bend to the farther end of the parabola
        straight = torch.where(left, 0.0, torch.ones_like(chord))
        bent = left | right
        near_parabola = torch.where(left, span.center > -BEND, span.center < BEND)
        above = Fan(
            torch.where(bent, torch.minimum(steep, straight), chord),
            torch.where(bent, torch.maximum(steep, straight), chord),
            torch.where(bent, torch.where(near_parabola, steep, straight), chord),
        )
        return below, above

    def steeper(self, below: Fan, above: Fan, span: Span) -> Float[Tensor, "b *z"]:
        """Return the slope of the closest parallel lines; at the left bend the upper line touches left of the lower."""
        right = super().steeper(below, above, span)
        return torch.where(span.high < 0, torch.maximum(below.least, above.least), right)

    def lines(self, span: Span, lower: Float[Tensor, "b *z"], upper: Float[Tensor, "b *z"]) -> Relaxation:
        left, right = span.clip(-BEND), span.clip(BEND)
        lowest = torch.minimum(torch.maximum(3 * lower + BOTTOM, left), right)  # where the parabola has that slope
        ends = (span.low, span.value_low), (span.high, span.value_high)
        below, above = (
            torch.stack([value - line * point for point, value in (*ends, *((z, self(z)) for z in inner))])
            for line, inner in ((lower, (lowest,)), (upper, (left, right)))
        )
        with torch.no_grad():
            values = torch.stack([span.value_low, span.value_high, self(span.clip(BOTTOM))])
            slack = error(values).amax(0)
            reach = torch.maximum(span.low.abs(), span.high.abs()) * (ROUNDINGS * torch.finfo(lower.dtype).eps)
        return Relaxation(
            lower, upper, above.amax(0) + (slack + upper.abs() * reach), below.amin(0) - (slack + lower.abs() * reach)
        )


def slope(z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
    """Return the slope of the parabola."""
    return (2 * z + 3) / 6


def touching(z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
    """Return where a line through the point z > 3 of the curve touches the parabola: z - sqrt(z^2 - 3 z).

    For a point z < -3, it is the mirror image. Elsewhere the result is meaningless, but its gradient finite.
    """
    return 3 / (1 + (1 - 3 / torch.where(z > BEND, z, 2 * BEND)).sqrt())


def average_slope(span: Span) -> Float[Tensor, "b *z"]:
    """Return the slope of the chord: that of one piece, or the mean of several, weighted by their lengths."""
    left, right = span.clip(-BEND), span.clip(BEND)
    parabola = slope(0.5 * left + 0.5 * right)
    straight = torch.where(span.low >= BEND, 1.0, torch.where(span.high <= -BEND, 0.0, parabola))
    several = (left > span.low) & (left < span.high) | (right > span.low) & (right < span.high)
    width = torch.where(several, span.high - span.low, 1)
    beyond = span.high.clamp(min=BEND) - BEND
    mean = torch.where(several, (right - left) / width * parabola + beyond / width, straight)
    return torch.where(span.low.isnan() | span.high.isnan(), torch.nan, mean)


def error(value: Float[Tensor, "*z"]) -> Float[Tensor, "*z"]:
    """Return the largest error of a value, our evaluation and the network's taken together: a few ulps each."""
    limits = torch.finfo(value.dtype)
    return ULPS * limits.eps * value.abs() + limits.tiny


@lowers(torch.ops.aten.hardswish.default, case=lambda x: F.hardswish(3 * x) - F.hardswish(x - 2, inplace=True))
def lower_hardswish(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's hard swish."""
    return Lowered(HardSwish, (z,))
