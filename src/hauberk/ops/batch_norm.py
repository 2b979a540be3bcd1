"""Batch normalisation."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.affine import Diagonal
from hauberk.concepts.lowering import Lowered, Stored, Value, lowers
from hauberk.errors import UnsupportedOpError
from hauberk.kernels.batch_statistics import batch_statistics, move


@dataclass(frozen=True)
class BatchNorm(Diagonal):
    """(z - mean) / sqrt(variance + eps) * weight + bias per channel: diagonal once its statistics are fixed.

    Args:
        weight: the factors per channel. None: 1.
        bias: the summands per channel. None: 0.
        mean: the mean per channel, running or of a batch.
        variance: the variance per channel, running or of a batch.
        momentum: the share of a new batch in the running statistics.
        eps: added to the variance.
        space: the number of dimensions after the channels.
    """

    weight: Float[Tensor, "c"] | None
    bias: Float[Tensor, "c"] | None
    mean: Float[Tensor, "c"]
    variance: Float[Tensor, "c"]
    momentum: float
    eps: float
    space: int

    @cached_property
    def scale(self) -> Float[Tensor, "c ..."]:
        inverse = torch.rsqrt(self.variance + self.eps)
        return self.broadcast(inverse if self.weight is None else inverse * self.weight)

    @cached_property
    def shift(self) -> Float[Tensor, "c ..."]:
        centre = -self.broadcast(self.mean) * self.scale
        return centre if self.bias is None else centre + self.broadcast(self.bias)

    def broadcast(self, per_channel: Float[Tensor, "c"]) -> Float[Tensor, "c ..."]:
        """Return numbers per channel in a shape that broadcasts over the other dimensions."""
        return per_channel.view(-1, *(1,) * self.space)

    def constants(self, shapes: Sequence[tuple[int, ...]], like: Tensor) -> Float[Tensor, "c ..."]:
        """Return the sum of the terms before they cancel: mean * scale may be far larger than the shift."""
        centre = self.broadcast(self.mean).abs() * self.scale.abs()
        return centre if self.bias is None else centre + self.broadcast(self.bias).abs()

    def observe(self, z: Float[Tensor, "b c *s"]) -> "BatchNorm":
        """Return the op with the batch's mean and biased variance; update the running statistics as torch does.

        Raises:
            UnsupportedOpError: momentum is 0, or None (cumulative averages, which torch does not export).
        """
        if self.momentum == 0:
            raise UnsupportedOpError("batch norm with momentum None or 0 cannot be trained under bounds: give it one.")
        mean, variance, n = batch_statistics(z)
        with torch.no_grad():
            move(self.mean, mean, self.momentum)
            move(self.variance, variance * (n / (n - 1).clamp(min=1)), self.momentum)
        return replace(self, mean=mean, variance=variance)


@lowers(torch.ops.aten.batch_norm.default)
def lower_batch_norm(
    z: Value,
    weight: Stored | None,
    bias: Stored | None,
    mean: Stored | None,
    variance: Stored | None,
    training: bool,
    momentum: float,
    eps: float,
    fast_kernel: bool,
    *,
    shape: tuple[int, ...],
) -> Lowered:
    """Lower torch's batch normalisation with running statistics."""
    if training or mean is None:
        raise UnsupportedOpError("without running statistics it mixes a batch's examples: track_running_stats=True")
    make = partial(BatchNorm, momentum=momentum, eps=eps, space=len(shape) - 1)
    return Lowered(make, (z,), (weight, bias, mean, variance))
