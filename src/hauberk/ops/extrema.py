"""Maxima and minima over dimensions, and of two operands."""

import math
from collections.abc import Sequence

import torch

from hauberk.concepts.lowering import Operand, Value, lowers
from hauberk.functions.composition import call, composed, gathered, shaped

aten = torch.ops.aten


@lowers(aten.amax.default, case=lambda x: torch.cat([x.amax((1, 3)), x.amax(2, keepdim=True).flatten(1)], 1))
@composed
def lower_amax(z: Value, dims: Sequence[int] = (), keepdim: bool = False, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's maximum over dimensions: a max pooling whose window is all that is compared."""
    z = gathered(z, dims)
    count = z.shape[-1]
    lines = shaped(z, [math.prod(z.shape[:-1]), count])
    return shaped(call(aten.max_pool1d.default, lines, [count]), shape)


@lowers(aten.amin.default, case=lambda x: x.amin((1, 3)).flatten(1))
@composed
def lower_amin(z: Value, dims: Sequence[int] = (), keepdim: bool = False, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's minimum over dimensions."""
    return negated(aten.amax.default, z, dims, keepdim)


def negated(operator: object, z: Value, *arguments: object) -> Value:
    """Return minus what an operator makes of minus a value."""
    return call(aten.neg.default, call(operator, call(aten.neg.default, z), *arguments))


@lowers(aten.max.dim, case=lambda x: x.max(2)[0])
@composed
def lower_max(z: Value, dim: int, keepdim: bool = False, *, shape: Sequence[tuple[int, ...]]) -> list[Value]:
    """Lower torch's maximum over a dimension; where it lies is not bounded."""
    return [call(aten.amax.default, z, [dim], keepdim)]


@lowers(aten.min.dim, case=lambda x: x.min(2, keepdim=True)[0])
@composed
def lower_min(z: Value, dim: int, keepdim: bool = False, *, shape: Sequence[tuple[int, ...]]) -> list[Value]:
    """Lower torch's minimum over a dimension; where it lies is not bounded."""
    return [call(aten.amin.default, z, [dim], keepdim)]


@lowers(aten.aminmax.default, case=lambda x: torch.cat(torch.aminmax(x, dim=2), 1))
@composed
def lower_both_ends(
    z: Value, *, dim: int | None = None, keepdim: bool = False, shape: Sequence[tuple[int, ...]]
) -> list[Value]:
    """Lower torch's minimum and maximum over a dimension."""
    dims = [] if dim is None else [dim]
    return [call(operator, z, dims, keepdim) for operator in (aten.amin.default, aten.amax.default)]


@lowers(
    *(aten.maximum.default, aten.max.other, aten.fmax.default),
    case=lambda x: torch.maximum(x, 0.3 - x) + torch.max(x, x.flip(1)) + torch.fmax(x, 2 * x[:, :1].expand_as(x)),
)
@composed
def lower_maximum(first: Operand, second: Operand, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's maximum of two operands: a max pooling of both, or a ReLU of what one lies above a constant."""
    if isinstance(first, Value) and isinstance(second, Value):
        if first.shape != second.shape:
            first, second = (call(aten.expand.default, one, [-1, *shape]) for one in (first, second))
        return call(aten.amax.default, call(aten.stack.default, [first, second], 1), [1])
    z, constant = (first, second) if isinstance(first, Value) else (second, first)
    return call(aten.add.Tensor, call(aten.relu.default, call(aten.sub.Tensor, z, constant)), constant)


@lowers(
    *(aten.minimum.default, aten.min.other, aten.fmin.default),
    case=lambda x: torch.minimum(x, 0.3 - x) + torch.min(x, x.flip(1)) + torch.fmin(x, 2 * x),
)
@composed
def lower_minimum(first: Operand, second: Operand, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's minimum of two operands."""
    if not isinstance(first, Value) or not isinstance(second, Value):
        z, constant = (first, second) if isinstance(first, Value) else (second, first)
        below = call(aten.relu.default, call(aten.rsub.Tensor, z, constant))
        return call(aten.neg.default, call(aten.sub.Tensor, below, constant))
    negatives = [call(aten.neg.default, one) for one in (first, second)]
    return call(aten.neg.default, call(aten.maximum.default, *negatives))
