"""Exponential linear units: CELU, whose slope does not jump at zero, ELU and SELU, whose slope does."""

import math
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.cases import Cases
from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.errors import UnsupportedOpError
from hauberk.functions.smooth import Piece, Smooth

NEWTON_STEPS = 6


@dataclass(frozen=True)
class CELU(Smooth):
    """z where z > 0, else alpha (exp(z / alpha) - 1).

    Args:
        alpha: minus the limit at minus infinity; positive.
    """

    alpha: float = 1.0

    @staticmethod
    def cases() -> Cases:
        return {"alpha": [1.0, 0.5]}

    def __call__(self, z: Tensor) -> Tensor:
        return F.celu(z, self.alpha)

    def slope(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        return torch.exp(z.clamp(max=0) / self.alpha)

    @property
    def curves(self) -> tuple[Piece, ...]:
        return (Piece(-math.inf, math.inf, 1, self.touching),)

    def touching(self, slope: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the points at which the function has a slope; any point right of zero has slope 1."""
        return self.alpha * slope.clamp(torch.finfo(slope.dtype).tiny, 1).log()


@dataclass(frozen=True)
class ELU(Smooth):
    """scale z where z > 0, else scale alpha (exp(z) - 1): SELU by default. At zero the slope jumps by alpha.

    With alpha up to 1 the function is convex. Otherwise its concave piece is straight but for its bend at zero: lines
    above touch it there, and lines from the right touch the convex piece where the tangent passes through their end.

    Args:
        alpha: the slope left of zero over the one right of it; positive.
        scale: the slope right of zero; positive.
    """

    alpha: float = 1.6732632423543772848170429916717
    scale: float = 1.0507009873554804934193349852946

    @staticmethod
    def cases() -> Cases:
        return {
            "alpha": [1.6732632423543772848170429916717, 0.5, 3.0],
            "scale": [1.0507009873554804934193349852946, 0.3],
        }

    @property
    def bend(self) -> tuple[float, float]:
        """The smaller and the larger one of the slopes at zero."""
        ends = (self.scale * self.alpha, self.scale)
        return min(ends), max(ends)

    def __call__(self, z: Tensor) -> Tensor:
        return torch.ops.aten.elu.default(z, self.alpha, self.scale, 1.0)

    def slope(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the derivative; that from the left at zero."""
        return torch.where(z > 0, self.scale, self.scale * self.alpha * torch.exp(z.clamp(max=0)))

    def supporting(self, z: Float[Tensor, "b *z"], slope: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        return torch.where(z == 0, slope.clamp(*self.bend), self.slope(z))

    @property
    def curves(self) -> tuple[Piece, ...]:
        if self.alpha <= 1:
            return (Piece(-math.inf, math.inf, 1, self.touching),)
        return (
            Piece(-math.inf, 0.0, 1, self.touching, from_right=self.from_right),
            Piece(0.0, math.inf, -1, self.touching_above, from_left=self.from_left),
        )

    def touching(self, slope: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the points at which the function has a slope, or 0 for slopes between those left and right of it."""
        share = slope / (self.scale * self.alpha)
        return share.clamp(torch.finfo(slope.dtype).tiny, 1).log()

    def touching_above(self, slope: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return where a line of this slope touches from above what lies right of zero."""
        return torch.where(slope >= self.scale, 0.0, torch.full_like(slope, math.inf))

    def from_left(self, anchor: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return where a line through a point left of zero touches from above what lies right of it."""
        steep = self(anchor) <= self.scale * anchor
        return torch.where(steep, 0.0, torch.full_like(anchor, math.inf))

    def from_right(self, anchor: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return where a line through a point right of zero touches the exponential, by Newton's method.

        The point t solves t + log(u - t + 1) = log(u / alpha + 1), whose left side is concave: after one step, Newton's
        points rise to it. The start is the solution for small u, or for large ones.
        """
        u, limit = anchor.clamp(min=torch.finfo(anchor.dtype).tiny), math.log(self.alpha)
        t = -(2 * (1 - 1 / self.alpha) * u).sqrt().clamp(max=limit)
        for _ in range(NEWTON_STEPS):
            excess = t + (u - t).log1p() - (u / self.alpha).log1p()
            t = (t - excess * (1 + 1 / (u - t))).clamp(max=0)
        return t


@lowers(torch.ops.aten.celu.default)
def lower_celu(z: Value, alpha: float = 1.0, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's CELU."""
    if not alpha > 0:
        raise UnsupportedOpError(f"its alpha is {alpha}: only positive ones are bounded")
    return Lowered(partial(CELU, float(alpha)), (z,))


@lowers(
    torch.ops.aten.elu.default,
    case=lambda x: F.elu(x, 0.3) + F.elu(2 * x, 2.0, inplace=True) + torch.ops.aten.elu(x, 1.0, 0.7, 1.0),
)
def lower_elu(
    z: Value, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0, *, shape: tuple[int, ...]
) -> Lowered:
    """Lower torch's ELU."""
    if alpha == scale == input_scale == 1:
        return lower_celu(z, shape=shape)
    if not (alpha > 0 and scale > 0 and input_scale == 1):
        raise UnsupportedOpError(f"its alpha is {alpha}: only positive ones are bounded, without a scale of the input")
    return Lowered(partial(ELU, float(alpha), float(scale)), (z,))


@lowers(torch.ops.aten.selu.default, case=lambda x: F.selu(x) - F.selu(2 * x - 0.3, inplace=True))
def lower_selu(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's SELU."""
    return Lowered(ELU, (z,))
