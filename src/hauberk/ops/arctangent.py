"""Inverses of tangents and of the hyperbolic sine."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.functions.composition import call, composed
from hauberk.functions.s_shaped import SShaped

aten = torch.ops.aten


@dataclass(frozen=True)
class Arctangent(SShaped):
    """The angle whose tangent is z, of slope 1 / (1 + z^2)."""

    stop = 1e10

    def __call__(self, z: Tensor) -> Tensor:
        return torch.atan(z)

    def slope(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        z = z.clamp(-1e9, 1e9)  # whose fourth power is finite in float32
        return 1 / (1 + z * z)

    def touching(self, slope: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        return (1 / slope.clamp(1e-18, 1) - 1).sqrt()


@dataclass(frozen=True)
class InverseHyperbolicSine(SShaped):
    """log(z + sqrt(1 + z^2)), of slope 1 / sqrt(1 + z^2)."""

    stop = 1e10

    def __call__(self, z: Tensor) -> Tensor:
        return torch.asinh(z)

    def slope(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        return (1 + z * z).rsqrt()

    def touching(self, slope: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        slope = slope.clamp(1e-18, 1)
        return (1 - slope * slope).sqrt() / slope


@lowers(aten.atan.default, aten.arctan.default, case=lambda x: torch.atan(3 * x) + torch.arctan(x))
def lower_arctangent(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's arctangent."""
    return Lowered(Arctangent, (z,))


@lowers(aten.asinh.default, aten.arcsinh.default, case=lambda x: torch.asinh(3 * x) + torch.arcsinh(x))
def lower_inverse_hyperbolic_sine(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's inverse hyperbolic sine."""
    return Lowered(InverseHyperbolicSine, (z,))


@lowers(aten.atanh.default, aten.arctanh.default, case=lambda x: torch.atanh(x.tanh() / 2) + torch.arctanh(x / 9))
@composed
def lower_inverse_hyperbolic_tangent(z: Value, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's inverse hyperbolic tangent: half of log(1 + z) - log(1 - z)."""
    parts = [call(aten.log1p.default, one) for one in (z, call(aten.neg.default, z))]
    return call(aten.mul.Tensor, call(aten.sub.Tensor, *parts), 0.5)
