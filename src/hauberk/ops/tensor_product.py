"""Sums of products with a constant along chosen dimensions: tensordot, inner, vecdot."""

import math
from collections.abc import Sequence

import torch

from hauberk.concepts.lowering import Computed, Operand, Stored, Value, lowers
from hauberk.errors import UnsupportedOpError
from hauberk.functions.composition import call, composed, gathered, shaped

aten = torch.ops.aten
MATRIX = torch.linspace(-1, 1, 30, dtype=torch.float64).view(5, 6)


@lowers(
    aten.tensordot.default,
    case=lambda x: torch.tensordot(x, MATRIX.T, 1) + aten.tensordot(x, MATRIX, [2, 3], [0, 1])[..., None, None],
)
@composed
def lower_tensor_product(
    z: Operand, constant: Operand, dims: Sequence[int], others: Sequence[int], *, shape: tuple[int, ...]
) -> Value:
    """Lower torch's product of a value and a constant, in this order."""
    if not isinstance(z, Value) or not isinstance(constant, Stored):
        raise UnsupportedOpError("the first operand must depend on the input, the second be a constant")
    ndim = len(z.shape) + 1
    dims, others = [dim % ndim for dim in dims], [dim % len(constant.shape) for dim in others]
    pairs = sorted(zip(dims, others, strict=True))  # as `gathered` joins them
    first = [other for _, other in pairs]
    rest = [dim for dim in range(len(constant.shape)) if dim not in first]
    summed = math.prod(constant.shape[dim] for dim in first)
    turned = Computed(torch.permute, (constant, (*first, *rest)))
    count = math.prod(constant.shape) // summed
    matrix = Stored(Computed(torch.reshape, (turned, (summed, count))), (summed, count))
    return shaped(call(aten.matmul.default, gathered(z, dims), matrix), shape)


@lowers(aten.inner.default, case=lambda x: torch.inner(x, MATRIX) + torch.inner(x, MATRIX[0])[..., None])
@composed
def lower_inner_product(z: Operand, constant: Operand, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's product along the last dimensions."""
    return lower_tensor_product(z, constant, [-1], [-1], shape=shape)


@lowers(
    aten.linalg_vecdot.default,
    case=lambda x: torch.linalg.vecdot(x, MATRIX) + torch.linalg.vecdot(x, MATRIX, dim=2)[..., :5],
)
@composed
def lower_vector_product(first: Operand, second: Operand, *, dim: int = -1, shape: tuple[int, ...]) -> Value:
    """Lower torch's sum of products along a dimension."""
    return call(aten.sum.dim_IntList, call(aten.mul.Tensor, first, second), [dim])
