"""The hyperbolic sine and cosine, composed of exponentials."""

import torch

from hauberk.concepts.lowering import Value, lowers
from hauberk.functions.composition import call, composed

aten = torch.ops.aten


@lowers(aten.sinh.default, case=lambda x: torch.sinh(2 * x))
@composed
def lower_hyperbolic_sine(z: Value, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's hyperbolic sine."""
    first, second = (call(aten.expm1.default, one) for one in (z, call(aten.neg.default, z)))
    return call(aten.mul.Tensor, call(aten.sub.Tensor, first, second), 0.5)


@lowers(aten.cosh.default, case=lambda x: torch.cosh(2 * x))
@composed
def lower_hyperbolic_cosine(z: Value, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's hyperbolic cosine, which is even."""
    size = call(aten.abs.default, z)
    first, second = (call(aten.exp.default, one) for one in (size, call(aten.neg.default, size)))
    return call(aten.mul.Tensor, call(aten.add.Tensor, first, second), 0.5)
