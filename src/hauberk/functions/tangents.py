"""Tangents through points of a curve."""

import math
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hauberk.functions.lookup import Lookup, bisected


@runtime_checkable
class Curve(Protocol):
    """A function with a derivative."""

    def __call__(self, z: Tensor, /) -> Tensor: ...

    def slope(self, z: Tensor, /) -> Tensor:
        """Return the derivative."""
        ...


@dataclass(frozen=True)
class Tangents(Lookup):
    """The points at which lines through an anchor on a curve, left of an inflection, touch the curve right of it.

    The coordinate is logarithmic: log(1 + r) with r the anchor's distance from the inflection or, for a finite `limit`,
    its ratio to the distance from the limit. At the limit and beyond nothing is touched: infinity.

    Args:
        curve: the function.
        inflection: the inflection between the anchors and the piece that is touched.
        stop: the end of the piece, or the point beyond which it is straight to machine precision.
        bend: 1 if the piece is convex, -1 if it is concave.
        limit: the leftmost anchor whose line still touches the piece; -inf if all do.
        end: the largest coordinate.
    """

    curve: Curve
    inflection: float
    stop: float
    bend: int
    limit: float = -math.inf
    end: float = 40.0

    def __call__(self, anchor: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        distance = (self.inflection - anchor).clamp(min=0)
        if self.limit == -math.inf:
            return self.at(distance.log1p())
        rest = anchor - self.limit
        return torch.where(rest > 0, self.at((distance / rest.clamp(min=1e-30)).log1p()), math.inf)

    def knots(self, y: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        r = torch.expm1(y)
        anchor = self.inflection - r
        if self.limit > -math.inf:
            anchor = (self.inflection + self.limit * r) / (1 + r)
        value = self.curve(anchor)

        def before(z: Float[Tensor, "n"]) -> Bool[Tensor, "n"]:
            """Return True where the tangent at z passes above the anchor (convex piece) or below it (concave)."""
            return self.bend * (self.curve(z) + self.curve.slope(z) * (anchor - z) - value) > 0

        found = bisected(before, torch.full_like(y, self.inflection), torch.full_like(y, self.stop))
        return torch.where(y > 0, found, self.inflection)
