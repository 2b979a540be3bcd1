"""Several steps of arithmetic in one operator: addcmul, addcdiv, lerp, diff, degrees and radians."""

import math

import torch

from hauberk.concepts.lowering import Operand, Value, lowers
from hauberk.functions.composition import call, composed

aten = torch.ops.aten
SHARES = torch.linspace(0.1, 0.8, 4, dtype=torch.float64)[:, None, None]


@lowers(
    aten.addcmul.default, case=lambda x: torch.addcmul(SHARES, x, SHARES, value=2) + torch.addcmul(x, SHARES, SHARES)
)
@composed
def lower_addcmul(z: Operand, first: Operand, second: Operand, *, value: float = 1, shape: tuple[int, ...]) -> Value:
    """Lower torch's z + value * first * second."""
    return call(aten.add.Tensor, z, call(aten.mul.Tensor, first, second), alpha=value)


@lowers(
    aten.addcdiv.default, case=lambda x: torch.addcdiv(SHARES, x, SHARES, value=2) + torch.addcdiv(x, SHARES, SHARES)
)
@composed
def lower_addcdiv(z: Operand, first: Operand, second: Operand, *, value: float = 1, shape: tuple[int, ...]) -> Value:
    """Lower torch's z + value * first / second."""
    return call(aten.add.Tensor, z, call(aten.div.Tensor, first, second), alpha=value)


@lowers(aten.baddbmm.default, case=lambda x: torch.baddbmm(x[:, 0, :, :1], x[:, 1], x[:, 2].mT, beta=2, alpha=-0.5))
@composed
def lower_baddbmm(
    z: Operand, first: Operand, second: Operand, *, beta: float = 1, alpha: float = 1, shape: tuple[int, ...]
) -> Value:
    """Lower torch's beta * z + alpha * first @ second."""
    return call(aten.add.Tensor, call(aten.mul.Tensor, z, beta), call(aten.bmm.default, first, second), alpha=alpha)


@lowers(aten.hypot.default, case=lambda x: torch.hypot(x, SHARES) + torch.hypot(x, x.flip(1)))
@composed
def lower_hypotenuse(first: Operand, second: Operand, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's root of a sum of two squares."""
    total = call(aten.add.Tensor, *(call(aten.square.default, one) for one in (first, second)))
    return call(aten.sqrt.default, call(aten.relu.default, total))


@lowers(aten.lerp.Scalar, case=lambda x: torch.lerp(x, x.flip(1), 0.3) + torch.lerp(SHARES.expand_as(x), x, 0.8))
@composed
def lower_lerp(start: Operand, end: Operand, weight: float, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's mean weighted by a number."""
    return call(aten.add.Tensor, call(aten.mul.Tensor, start, 1 - weight), end, alpha=weight)


@lowers(aten.lerp.Tensor, case=lambda x: torch.lerp(x, x.flip(1), SHARES))
@composed
def lower_weighted_lerp(start: Operand, end: Operand, weight: Operand, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's mean weighted by a tensor."""
    rest = call(aten.rsub.Scalar, weight, 1.0)
    return call(aten.add.Tensor, call(aten.mul.Tensor, start, rest), call(aten.mul.Tensor, end, weight))


@lowers(aten.diff.default, case=lambda x: x.diff()[..., :4] + x.diff(2, -1))
@composed
def lower_difference(z: Value, n: int = 1, dim: int = -1, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's differences of neighbours."""
    for _ in range(n):
        size = z.shape[dim % (len(z.shape) + 1) - 1]
        z = call(
            aten.sub.Tensor, call(aten.slice.Tensor, z, dim, 1, size), call(aten.slice.Tensor, z, dim, 0, size - 1)
        )
    return z


@lowers(aten.deg2rad.default, case=torch.deg2rad)
@composed
def lower_radians(z: Value, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's conversion of degrees."""
    return call(aten.mul.Tensor, z, math.pi / 180)


@lowers(aten.rad2deg.default, case=torch.rad2deg)
@composed
def lower_degrees(z: Value, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's conversion to degrees."""
    return call(aten.mul.Tensor, z, 180 / math.pi)
