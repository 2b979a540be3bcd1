"""The error function, its complement, and the normal distribution function."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.functions.composition import call, composed
from hauberk.functions.s_shaped import SShaped

aten = torch.ops.aten
STEEPEST = 2 / math.sqrt(math.pi)


@dataclass(frozen=True)
class Erf(SShaped):
    """2 / sqrt(pi) times the integral of exp(-t^2) from 0 to z."""

    def __call__(self, z: Tensor) -> Tensor:
        return torch.erf(z)

    def slope(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        z = z.clamp(-40, 40)  # beyond, the slope is 0, and gradients would overflow
        return STEEPEST * torch.exp(-z * z)

    def touching(self, slope: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        share = (slope / STEEPEST).clamp(torch.finfo(slope.dtype).tiny, 1)
        return (-share.log()).sqrt()


@lowers(aten.erf.default, aten.special_erf.default, case=lambda x: torch.erf(x) + torch.special.erf(2 * x))
def lower_erf(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's error function."""
    return Lowered(Erf, (z,))


@lowers(aten.erfc.default, aten.special_erfc.default, case=lambda x: torch.erfc(x) + torch.special.erfc(2 * x))
@composed
def lower_erfc(z: Value, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's complement of the error function."""
    return call(aten.rsub.Scalar, call(aten.erf.default, z), 1.0)


@lowers(aten.special_ndtr.default, case=torch.special.ndtr)
@composed
def lower_normal_distribution(z: Value, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's normal distribution function."""
    error = call(aten.erf.default, call(aten.mul.Tensor, z, math.sqrt(0.5)))
    return call(aten.add.Tensor, call(aten.mul.Tensor, error, 0.5), 0.5)
