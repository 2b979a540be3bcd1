"""Normalisation by statistics of the input itself: layer norm, group norm, instance norm, RMS norm."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from hauberk.concepts.lowering import Computed, Stored, Value, lowers
from hauberk.functions.composition import call, composed, shaped

aten = torch.ops.aten


def standardized(z: Value, eps: float, *, centred: bool) -> Value:
    """Return (z - mean) / sqrt(variance + eps) along the last dimension; z / sqrt(mean square + eps) if not centred.

    The variance is clamped to what it can be, which intervals do not know, and so is the result: an element is at most
    sqrt(n) standard deviations from the mean of n.
    """
    shape, wide = z.shape, [-1, *z.shape]
    if centred:
        z = call(aten.sub.Tensor, z, call(aten.expand.default, call(aten.mean.dim, z, [-1], True), wide))
    variance = call(aten.mean.dim, call(aten.square.default, z), [-1], True)
    rate = call(aten.rsqrt.default, call(aten.clamp_min.default, call(aten.add.Tensor, variance, eps), eps))
    most = 1.01 * math.sqrt(shape[-1])
    return call(aten.clamp.default, call(aten.mul.Tensor, z, rate), -most, most)


def scaled(z: Value, weight: Stored | None, bias: Stored | None) -> Value:
    """Return weight * z + bias, with what is not None of them."""
    z = z if weight is None else call(aten.mul.Tensor, z, weight)
    return z if bias is None else call(aten.add.Tensor, z, bias)


def layer_normed(z: Value, sizes: Sequence[int], eps: float, *, centred: bool) -> Value:
    """Return the value standardised over its last dimensions, of these sizes."""
    rest = z.shape[: len(z.shape) - len(sizes)]
    return shaped(standardized(shaped(z, [*rest, math.prod(sizes)]), eps, centred=centred), z.shape)


@lowers(aten.layer_norm.default, case=lambda x: nn.functional.layer_norm(x, [5, 6]))
@composed
def lower_layer_norm(
    z: Value,
    sizes: Sequence[int],
    weight: Stored | None = None,
    bias: Stored | None = None,
    eps: float = 1e-5,
    *_: object,
    shape: tuple[int, ...],
) -> Value:
    """Lower torch's layer norm."""
    return scaled(layer_normed(z, sizes, eps, centred=True), weight, bias)


@lowers(
    aten.rms_norm.default, case=lambda x: nn.functional.rms_norm(x, [6], eps=1e-3) + nn.functional.rms_norm(x, [5, 6])
)
@composed
def lower_rms_norm(
    z: Value,
    sizes: Sequence[int],
    weight: Stored | None = None,
    eps: float | None = None,
    *,
    precision: torch.dtype,
    shape: tuple[int, ...],
) -> Value:
    """Lower torch's RMS norm; without an eps it has that of the network's number format, which bounds may not share."""
    eps = torch.finfo(precision).eps if eps is None else eps
    return scaled(layer_normed(z, sizes, eps, centred=False), weight, None)


@lowers(aten.group_norm.default, case=lambda x: nn.functional.group_norm(x, 2))
@composed
def lower_group_norm(
    z: Value,
    groups: int,
    weight: Stored | None = None,
    bias: Stored | None = None,
    eps: float = 1e-5,
    *_: object,
    shape: tuple[int, ...],
) -> Value:
    """Lower torch's group norm."""
    found = standardized(shaped(z, [groups, math.prod(shape) // groups]), eps, centred=True)
    space = [1] * (len(shape) - 1)
    return scaled(shaped(found, shape), *(one and per_channel(one, space) for one in (weight, bias)))


@lowers(aten.instance_norm.default, case=lambda x: nn.functional.instance_norm(x))
@composed
def lower_instance_norm(
    z: Value,
    weight: Stored | None,
    bias: Stored | None,
    running_mean: Stored | None,
    running_var: Stored | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    *_: object,
    shape: tuple[int, ...],
) -> Value:
    """Lower torch's instance norm: by the input's statistics, or by running ones as batch norm."""
    if use_input_stats:
        return call(aten.group_norm.default, z, shape[0], weight, bias, eps)
    given = (weight, bias, running_mean, running_var, False, momentum, eps, False)
    return call(aten.batch_norm.default, z, *given)


def per_channel(stored: Stored, space: Sequence[int]) -> Stored:
    """Return a constant per channel, to be multiplied with maps."""
    shape = (*stored.shape, *space)
    return Stored(Computed(Tensor.reshape, (stored, shape)), shape)
