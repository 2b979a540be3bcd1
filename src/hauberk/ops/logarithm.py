"""Logarithms: of z, and of 1 + z."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.functions.composition import call, composed
from hauberk.functions.partial import Partial
from hauberk.functions.smooth import Piece

aten = torch.ops.aten


@dataclass(frozen=True)
class Log(Partial):
    """log(z): increasing and concave."""

    domain = (1e-12, math.inf)
    curves = (Piece(-math.inf, math.inf, -1, lambda slope: 1 / slope.clamp(min=1e-30)),)

    def __call__(self, z: Tensor) -> Tensor:
        return torch.log(z)

    def slope(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        return 1 / z


@dataclass(frozen=True)
class Log1p(Partial):
    """log(1 + z): increasing and concave."""

    domain = (-1 + 2.0**-20, math.inf)
    inside = 0.0
    curves = (Piece(-math.inf, math.inf, -1, lambda slope: 1 / slope.clamp(min=1e-30) - 1),)

    def __call__(self, z: Tensor) -> Tensor:
        return torch.log1p(z)

    def slope(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        return 1 / (1 + z)


@lowers(aten.log.default, case=lambda x: torch.log(x * x + 0.5))
def lower_log(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's natural logarithm."""
    return Lowered(Log, (z,))


@lowers(aten.log1p.default, aten.special_log1p.default, case=lambda x: torch.log1p(x * x) + torch.special.log1p(x * x))
def lower_log1p(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's logarithm of 1 + z."""
    return Lowered(Log1p, (z,))


@lowers(aten.log2.default, case=lambda x: torch.log2(x * x + 0.5))
@composed
def lower_log2(z: Value, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's logarithm to base 2."""
    return call(aten.mul.Tensor, call(aten.log.default, z), 1 / math.log(2))


@lowers(
    *(aten.logit.default, aten.special_logit.default),
    case=lambda x: torch.logit(x.sigmoid() / 2 + 0.2) + torch.special.logit(x, 0.01),
)
@composed
def lower_logit(z: Value, eps: float | None = None, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's logit: log(z) - log(1 - z)."""
    z = z if eps is None else call(aten.clamp.default, z, eps, 1 - eps)
    parts = [call(aten.log.default, one) for one in (z, call(aten.rsub.Scalar, z, 1.0))]
    return call(aten.sub.Tensor, *parts)


@lowers(aten.log10.default, case=lambda x: torch.log10(x * x + 0.5))
@composed
def lower_log10(z: Value, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's logarithm to base 10."""
    return call(aten.mul.Tensor, call(aten.log.default, z), 1 / math.log(10))
