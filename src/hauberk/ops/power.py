"""Powers with constant exponents: whole ones, those of positive numbers, and the reciprocal."""

import math
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.cases import Cases
from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.errors import UnsupportedOpError
from hauberk.functions.composition import call, composed
from hauberk.functions.partial import Partial
from hauberk.functions.scalar_function import Fan, Span
from hauberk.functions.smooth import Piece, Smooth

aten = torch.ops.aten


@dataclass(frozen=True)
class WholePower(Smooth):
    """z^n for a whole n > 1: convex if n is even; else increasing, concave below zero and convex above.

    Args:
        exponent: n.
    """

    exponent: int
    tight = False

    @staticmethod
    def cases() -> Cases:
        return {"exponent": [2, 3]}

    @property
    def even(self) -> bool:
        """True if the function is even."""
        return self.exponent % 2 == 0

    def __call__(self, z: Tensor) -> Tensor:
        return z**self.exponent

    def slope(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        return self.exponent * z ** (self.exponent - 1)

    def touching(self, slope: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the point with this slope, of its sign."""
        return torch.copysign((slope.abs() / self.exponent) ** (1 / (self.exponent - 1)), slope)

    @cached_property
    def curves(self) -> tuple[Piece, ...]:
        if self.even:
            return (Piece(-math.inf, math.inf, 1, self.touching),)
        share = tangent_share(self.exponent)
        return (
            Piece(-math.inf, 0.0, -1, lambda s: -self.touching(s.clamp(min=0)), from_right=lambda z: -share * z),
            Piece(0.0, math.inf, 1, lambda s: self.touching(s.clamp(min=0)), from_left=lambda z: -share * z),
        )

    def interval(self, box: Box) -> Box:
        span, found = self.span(box), super().interval(box)
        if not self.even:
            return found
        upper = torch.maximum(span.value_low, span.value_high)
        least = self(span.clip(0.0))
        error = self.error(span.low, least)
        return Box((least - error).clamp(min=0), upper + self.error(span.high, upper))

    def steeper(self, below: Fan, above: Fan, span: Span) -> Float[Tensor, "b *z"]:
        """Return the slope of the closest parallel lines; of an odd power, the concave piece comes first."""
        return super().steeper(below, above, span) if self.even else torch.maximum(below.least, above.least)


def tangent_share(exponent: int) -> float:
    """Return the r > 0 at which the line through -1 touches z^n: (n - 1) r^n + n r^(n - 1) = 1."""
    low, high = 0.0, 1.0
    for _ in range(60):
        r = (low + high) / 2
        below = (exponent - 1) * r**exponent + exponent * r ** (exponent - 1) < 1
        low, high = (r, high) if below else (low, r)
    return high


@dataclass(frozen=True)
class PositivePower(Partial):
    """z^p of a positive z, for any p but 0 and 1: concave for p in (0, 1), else convex.

    Args:
        exponent: p.
    """

    exponent: float

    @staticmethod
    def cases() -> Cases:
        return {"exponent": [0.5, -0.5, 1.5]}

    @property
    def least(self) -> float:
        """The point below which no slope is taken: it would overflow in float32."""
        return 2.0 ** (-120 / (1 - self.exponent)) if self.exponent < 0 else 2.0**-80

    @property
    def domain(self) -> tuple[float, float]:
        return 0.0 if self.exponent > 0 else self.least, math.inf

    @property
    def curves(self) -> tuple[Piece, ...]:
        return (Piece(-math.inf, math.inf, -1 if 0 < self.exponent < 1 else 1, self.touching),)

    def __call__(self, z: Tensor) -> Tensor:
        zero = z == 0  # where roots have no finite gradient
        power = z.masked_fill(zero, 1) ** self.exponent
        return power.masked_fill(zero, 0.0 if self.exponent > 0 else math.inf)

    def slope(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        return self.exponent * z.clamp(min=self.least) ** (self.exponent - 1)

    def touching(self, slope: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the point with this slope."""
        return (slope / self.exponent).clamp(min=1e-30) ** (1 / (self.exponent - 1))


@lowers(
    aten.pow.Tensor_Scalar,
    case=lambda x: (
        torch.cat([x**2, x**3, x**4, x**1, (x - 9) ** -1, (x + 9) ** -2, (x + 9) ** -0.5, (x + 9) ** 1.5], 1) / 9
    ),
)
@composed
def lower_power(z: Value, exponent: float, *, shape: tuple[int, ...]) -> Lowered | Value:
    """Lower torch's power with a constant exponent."""
    if exponent == 1:
        return z
    if exponent == 0 or not math.isfinite(exponent):
        raise UnsupportedOpError(f"its exponent is {exponent}: bounded are the finite ones except zero")
    if exponent != int(exponent):
        return Lowered(partial(PositivePower, float(exponent)), (z,))
    if exponent > 0:
        return Lowered(partial(WholePower, int(exponent)), (z,))
    return lower_power(call(aten.reciprocal.default, z), -exponent, shape=shape)


@lowers(aten.square.default, case=torch.square)
def lower_square(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's square."""
    return lower_power(z, 2, shape=shape)


@lowers(aten.sqrt.default, case=lambda x: (x * x + 0.1).sqrt())
def lower_sqrt(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's square root."""
    return lower_power(z, 0.5, shape=shape)


@lowers(aten.rsqrt.default, case=lambda x: (x * x + 0.1).rsqrt())
def lower_rsqrt(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's reciprocal square root."""
    return lower_power(z, -0.5, shape=shape)


@lowers(aten.pow.Scalar, aten.exp2.default, case=lambda x: 3**x + torch.exp2(x))
@composed
def lower_exponential(first: float | Value, second: Value | None = None, *, shape: tuple[int, ...]) -> Value:
    """Lower a constant to the power of a value; without a constant, 2."""
    base, z = (2.0, first) if second is None else (first, second)
    if not isinstance(base, int | float) or not base > 0:
        raise UnsupportedOpError(f"its base is {base}: only positive numbers are bounded")
    return call(aten.exp.default, call(aten.mul.Tensor, z, math.log(base)))
