"""Sine, cosine and tangent."""

import math
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.concepts.op import Elementwise
from hauberk.concepts.relaxation import Relaxation
from hauberk.functions.composition import call, composed
from hauberk.functions.partial import Partial
from hauberk.functions.smooth import ULPS, Piece
from hauberk.functions.tangents import Tangents

aten = torch.ops.aten
PI = math.pi


@dataclass(frozen=True)
class Arch(Partial):
    """sin(z) from -pi to pi, or nearly so: convex, then concave."""

    domain = (-3.14, 3.14)
    image = (-1.0, 1.0)
    inside = 0.0

    @cached_property
    def curves(self) -> tuple[Piece, ...]:
        tangents = Tangents(self, 0.0, PI, -1, end=math.log1p(PI))
        return (
            Piece(-math.inf, 0.0, 1, lambda s: -s.clamp(-1, 1).acos(), from_right=lambda z: -tangents(-z)),
            Piece(0.0, math.inf, -1, lambda s: s.clamp(-1, 1).acos(), from_left=tangents),
        )

    def __call__(self, z: Tensor) -> Tensor:
        return torch.sin(z)

    def slope(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        return torch.cos(z)

    def error(self, z: Float[Tensor, "b *z"], value: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the largest error at any point, as values between the ends of a box may be larger than there."""
        return torch.full_like(value, ULPS * torch.finfo(value.dtype).eps)

    def interval(self, box: Box) -> Box:
        box, leaves = self.kept(box)
        span = self.span(box)
        values = torch.stack([span.value_low, span.value_high, *(self(span.clip(end)) for end in (-PI / 2, PI / 2))])
        error = self.error(span.low, span.value_low)
        return Box((values.amin(0) - error).masked_fill(leaves, -1), (values.amax(0) + error).masked_fill(leaves, 1))


class Wave(Elementwise):
    """A sine, moved along: it rises through `inflection`.

    A box is moved by a multiple of pi, and mirrored if that is odd, so that its centre is within pi / 2 of zero, where
    the function is an arch. Boxes too wide for it have constants, -1 and 1.
    """

    inflection: float
    arch = Arch()

    def lipschitz(self) -> float:
        return 1.0

    def interval(self, box: Box) -> Box:
        return self.arch.interval(self.moved(box))

    def relax(self, box: Box, choice: Float[Tensor, "b *z"] | None = None) -> Relaxation:
        return self.returned(self.arch.relax(self.moved(box), choice), box)

    def relax_parallel(self, box: Box) -> Relaxation:
        return self.returned(self.arch.relax_parallel(self.moved(box)), box)

    @torch.no_grad()
    def moves(self, box: Box) -> tuple[Tensor, Tensor, Tensor]:
        """Return 1, or -1 where the box is mirrored; the point moved to zero; the error of positions."""
        half_periods = ((box.center.nan_to_num(0) - self.inflection) / PI).round()
        slack = 8 * torch.finfo(box.lower.dtype).eps * (box.magnitude + 4)
        return 1 - 2 * half_periods.remainder(2), self.inflection + PI * half_periods, slack

    def moved(self, box: Box) -> Box:
        """Return the box, moved and widened by the error of doing so."""
        sign, point, slack = self.moves(box)
        low, high = (sign * (end - point) for end in (box.lower, box.upper))
        return Box(torch.where(sign > 0, low, high) - slack, torch.where(sign > 0, high, low) + slack)

    def returned(self, lines: Relaxation, box: Box) -> Relaxation:
        """Return the lines of the box that was moved as lines of the box itself; where they are flat, as they are."""
        sign, point, slack = self.moves(box)
        slopes, low = (lines.lower_slope, lines.upper_slope), lines.lower_intercept
        intercepts = torch.zeros_like(slopes[0]) if low is None else low, lines.upper_intercept
        below, above = (
            intercept - sign * slope * point + side * slope.abs() * slack
            for side, slope, intercept in zip((-1, 1), slopes, intercepts, strict=True)
        )
        return Relaxation(sign * slopes[0], sign * slopes[1], above, below)


@dataclass(frozen=True)
class Sine(Wave):
    """sin(z)."""

    inflection = 0.0

    def __call__(self, z: Tensor) -> Tensor:
        return torch.sin(z)


@dataclass(frozen=True)
class Cosine(Wave):
    """cos(z)."""

    inflection = -PI / 2

    def __call__(self, z: Tensor) -> Tensor:
        return torch.cos(z)


@lowers(aten.sin.default, case=lambda x: torch.sin(2 * x))
def lower_sine(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's sine."""
    return Lowered(Sine, (z,))


@lowers(aten.cos.default, case=lambda x: torch.cos(2 * x))
def lower_cosine(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's cosine."""
    return Lowered(Cosine, (z,))


@lowers(aten.tan.default, case=lambda x: torch.tan(x.tanh()))
@composed
def lower_tangent(z: Value, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's tangent: sine over cosine."""
    return call(aten.div.Tensor, call(aten.sin.default, z), call(aten.cos.default, z))
