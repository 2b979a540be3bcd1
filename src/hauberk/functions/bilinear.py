"""Products of two perturbed values, element by element or as matrices, and McCormick's planes around them."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.op import Relaxable
from hauberk.concepts.rounding import rounding_factor, underflows
from hauberk.functions.contraction import Contraction
from hauberk.functions.planes import Planes


@dataclass(frozen=True, kw_only=True)
class BilinearPlanes(Planes):
    """Planes around a contraction: its linearisation at a point, tilted towards two corners of the box.

    Args:
        lower_slope, upper_slope: the choices: 0.5 for planes without tilt.
        lower_intercept, upper_intercept: as in `Relaxation`.
        contraction: the contraction.
        x, y: the point.
        reach_x, reach_y: the largest distances from it.
        tilt: the number in [-1, 1] by which each element's planes are tilted; None: 0.
    """

    contraction: Contraction
    x: Float[Tensor, "b ..."]
    y: Float[Tensor, "b ..."]
    reach_x: Float[Tensor, "b ..."]
    reach_y: Float[Tensor, "b ..."]
    tilt: Float[Tensor, "b *out"] | None

    @property
    def ones(self) -> Float[Tensor, "b n"]:
        return torch.ones_like(torch.cat([half.reshape(len(half), -1) for half in (self.x, self.y)], 1))

    def transposed(self, rows: Float[Tensor, "r *out"], owner: Int[Tensor, "r"], lower: bool) -> Float[Tensor, "r n"]:
        pulled = self.contraction.pulled(rows, self.x[owner], self.y[owner])
        if self.tilt is None:
            return pulled
        reach_x = self.reach_x if lower else -self.reach_x
        return pulled + self.contraction.pulled(rows * self.tilt[owner], reach_x[owner], self.reach_y[owner])

    def push(self, z: Float[Tensor, "b k n"]) -> Float[Tensor, "b k *out"]:
        pushed = self.sloped(z, self.x, self.y)
        if self.tilt is None:
            return pushed
        return pushed + self.tilt.unsqueeze(1) * self.sloped(z, -self.reach_x, self.reach_y)

    def absolute(self, inputs: Float[Tensor, "b n"]) -> Float[Tensor, "b *out"]:
        total = self.sloped(inputs.unsqueeze(1), self.x.abs(), self.y.abs()).squeeze(1)
        if self.tilt is None:
            return total
        return total + self.tilt.abs() * self.sloped(inputs.unsqueeze(1), self.reach_x, self.reach_y).squeeze(1)

    def sloped(self, z: Float[Tensor, "b k n"], x: Tensor, y: Tensor) -> Float[Tensor, "b k *out"]:
        """Return product(dx, y) + product(x, dy) for k pairs of operands."""
        first, second = self.contraction.halves(z)
        return self.contraction.pushed(first, y) + self.contraction.pushed(second, x, swapped=True)


@dataclass(frozen=True)
class Bilinear(Relaxable):
    """A contraction of two values, which lie flat behind one another in the operand.

    With x, y at most a, b away from a point (p, q), (x - p)(y - q) lies within ab of 0, and within ab of
    +-t (b (x - p) +- a (y - q)) on either side, for any t in [-1, 1]: `choice` is (1 + t) / 2. At 0 and 1 these are
    McCormick's planes if the point is the centre; any choice leaves the same volume, so that None is 0.5, where both
    planes are parallel.

    Args:
        contraction: the contraction.

    Source: McCormick 1976.
    """

    contraction: Contraction

    @property
    def roundings(self) -> int:
        return 2 * self.contraction.terms + 2

    @property
    def additions(self) -> int:
        return 8 * self.contraction.uses

    def __call__(self, z: Float[Tensor, "b n"]) -> Float[Tensor, "b *out"]:
        return self.contraction.product(*self.contraction.halves(z))

    def interval(self, box: Box) -> Box:
        """Return the sums of every product's extremes, which two corners attain unless an operand is read twice."""
        (x_low, y_low), (x_high, y_high) = map(self.contraction.halves, (box.lower, box.upper))
        corners = [self.contraction.every(x, y) for x in (x_low, x_high) for y in (y_low, y_high)]
        ends = torch.stack(corners)
        low, high = ends.amin(0), ends.amax(0)
        summed = tuple(range(1 + len(self.contraction.out), low.ndim))
        if summed:
            low, high = low.sum(summed), high.sum(summed)
        error = self.error(box)
        return Box(low - error, high + error)

    def error(self, box: Box) -> Float[Tensor, "b *out"]:
        """Return the largest error of a few evaluations, the network's among them."""
        with torch.no_grad():
            size = self(box.magnitude)
            count = self.roundings + 8
            share = 16 * rounding_factor(count, size.dtype)
            return size * share + underflows(count, [box.size], size)

    def relax(self, box: Box, choice: Float[Tensor, "b *out"] | None = None) -> BilinearPlanes:
        x, y = self.contraction.halves(box.center)
        wide = 1 + 4 * torch.finfo(box.lower.dtype).eps
        distance = torch.maximum(box.upper - box.center, box.center - box.lower) * wide
        reach_x, reach_y = self.contraction.halves(distance)
        product, middle = self.contraction.product, self(box.center)
        gap = product(reach_x, reach_y) + self.error(box)
        below = above = -middle
        tilt = None if choice is None else 2 * choice - 1
        if tilt is not None:
            along_x, along_y = product(x, reach_y), product(reach_x, y)
            below, above = below - tilt * (along_x + along_y), above - tilt * (along_x - along_y)
        share = torch.full_like(middle, 0.5) if choice is None else choice
        return BilinearPlanes(
            lower_slope=share,
            upper_slope=share,
            upper_intercept=above + gap,
            lower_intercept=below - gap,
            contraction=self.contraction,
            x=x,
            y=y,
            reach_x=reach_x,
            reach_y=reach_y,
            tilt=tilt,
        )

    def relax_parallel(self, box: Box) -> BilinearPlanes:
        return self.relax(box)
