"""Variances, standard deviations and norms over dimensions."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from hauberk.concepts.lowering import Value, lowers
from hauberk.errors import UnsupportedOpError
from hauberk.functions.composition import call, composed, gathered, shaped

aten = torch.ops.aten
Dims = int | Sequence[int] | None


def variance(z: Value, dims: Dims, correction: float | None, shape: Sequence[int]) -> Value:
    """Return the mean square distance from the mean, over the number of elements less `correction`; None: 1."""
    z = gathered(z, listed(dims))
    correction = 1 if correction is None else correction
    mean = call(aten.mean.dim, z, [-1], True)
    centred = call(aten.sub.Tensor, z, call(aten.expand.default, mean, [-1, *z.shape]))
    if z.shape[-1] <= correction:
        raise UnsupportedOpError("it divides by zero: there are as few numbers as the correction subtracts")
    total = call(aten.sum.dim_IntList, call(aten.square.default, centred), [-1], True)
    return shaped(call(aten.mul.Tensor, total, 1 / (z.shape[-1] - correction)), shape)


def root(z: Value) -> Value:
    """Return the root of a value that is not negative, which intervals do not know."""
    return call(aten.sqrt.default, call(aten.relu.default, z))


def listed(dims: Dims) -> Sequence[int]:
    """Return dimensions as a sequence; none stand for all."""
    return [dims] if isinstance(dims, int) else dims or []


@lowers(
    aten.var.correction,
    case=lambda x: torch.cat([x.var((1, 3)), x.var(2, correction=0).flatten(1)], 1),
)
@composed
def lower_variance(
    z: Value, dims: Dims = None, *, correction: float | None = None, keepdim: bool = False, shape: tuple[int, ...]
) -> Value:
    """Lower torch's variance."""
    return variance(z, dims, correction, shape)


@lowers(aten.std.correction, case=lambda x: aten.std.correction(x, [1, 3], correction=1.0).flatten(1))
@composed
def lower_deviation(
    z: Value, dims: Dims = None, *, correction: float | None = None, keepdim: bool = False, shape: tuple[int, ...]
) -> Value:
    """Lower torch's standard deviation."""
    return root(variance(z, dims, correction, shape))


@lowers(aten.var.dim, case=lambda x: aten.var.dim(x, [2, 3], False))
@composed
def lower_older_variance(
    z: Value, dims: Dims, unbiased: bool = True, keepdim: bool = False, *, shape: tuple[int, ...]
) -> Value:
    """Lower torch's variance, called with the older arguments."""
    return variance(z, dims, int(unbiased), shape)


@lowers(aten.std.dim, case=lambda x: aten.std.dim(x, [2, 3], False))
@composed
def lower_older_deviation(
    z: Value, dims: Dims, unbiased: bool = True, keepdim: bool = False, *, shape: tuple[int, ...]
) -> Value:
    """Lower torch's standard deviation, called with the older arguments."""
    return root(variance(z, dims, int(unbiased), shape))


def lower_moments(
    deviates: bool,
    z: Value,
    dims: Dims = None,
    unbiased: bool = True,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    shape: Sequence[tuple[int, ...]],
) -> list[Value]:
    """Lower torch's variance, or its root, together with the mean."""
    found = variance(z, dims, int(unbiased) if correction is None else correction, shape[0])
    return [root(found) if deviates else found, call(aten.mean.dim, z, listed(dims), keepdim)]


for deviates, newer, older in (
    (False, aten.var_mean.correction, aten.var_mean.dim),
    (True, aten.std_mean.correction, aten.std_mean.dim),
):

    def case(x: Tensor, newer: Callable[..., Any] = newer, older: Callable[..., Any] = older) -> Tensor:
        """Return both statistics, by either operator."""
        return torch.cat([*newer(x, [1, 3]), *older(x, [1, 2], False)], 1)

    lowers(newer, older, case=case)(composed(partial(lower_moments, deviates)))


@lowers(
    aten.linalg_vector_norm.default,
    case=lambda x: (
        torch.linalg.vector_norm(x, 2, 1).flatten(1)
        + torch.linalg.vector_norm(x, 1, 1).flatten(1)
        + torch.linalg.vector_norm(x, math.inf, 1).flatten(1)
        + torch.linalg.vector_norm(x + 5, 3, 1).flatten(1)
    ),
)
@composed
def lower_norm(
    z: Value,
    p: float = 2,
    dims: Dims = None,
    keepdim: bool = False,
    *,
    dtype: torch.dtype | None = None,
    shape: tuple[int, ...],
) -> Value:
    """Lower torch's norm over dimensions: l_1, l_2, l_inf and those between and beyond."""
    z = gathered(z, listed(dims))
    if p == 2:
        return shaped(root(call(aten.sum.dim_IntList, call(aten.square.default, z), [-1], True)), shape)
    sizes = call(aten.abs.default, z)
    if p == math.inf:
        return shaped(call(aten.amax.default, sizes, [-1], True), shape)
    if p < 1:
        raise UnsupportedOpError(f"its p is {p}: only norms with p >= 1 are bounded")
    total = call(aten.sum.dim_IntList, call(aten.pow.Tensor_Scalar, sizes, p), [-1], True)
    return shaped(call(aten.pow.Tensor_Scalar, call(aten.relu.default, total), 1 / p), shape)


@lowers(aten.norm.ScalarOpt_dim, case=lambda x: aten.norm.ScalarOpt_dim(x, 2, [1]))
@composed
def lower_older_norm(z: Value, p: float | None, dims: Dims, keepdim: bool = False, *, shape: tuple[int, ...]) -> Value:
    """Lower torch's norm over dimensions, called with the older arguments."""
    return call(aten.linalg_vector_norm.default, z, 2 if p is None else p, dims, keepdim)
