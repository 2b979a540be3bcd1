"""Sums and means over dimensions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from hauberk.concepts.affine import Affine
from hauberk.concepts.lowering import Lowered, Value, lowers

aten = torch.ops.aten


@dataclass(frozen=True)
class Reduction(Affine):
    """The sum over `dims`, or their mean with `mean`; the transpose repeats.

    Args:
        dims: the dimensions, counting the batch.
        keepdim: whether they stay, with size one.
        mean: whether to divide by the number of elements.
        count: the number of elements summed into one.
    """

    dims: tuple[int, ...]
    keepdim: bool
    mean: bool
    count: int

    roundings_back = 1

    @property
    def roundings(self) -> int:
        return self.count + 1

    def __call__(self, z: Tensor) -> Tensor:
        return z.mean(self.dims, self.keepdim) if self.mean else z.sum(self.dims, self.keepdim)

    def absolute(self, z: Tensor) -> Tensor:
        return self(z)

    def pull_back(self, rows: Tensor, shapes: Sequence[tuple[int, ...]]) -> tuple[Tensor]:
        kept = [1 if dim in self.dims else size for dim, size in enumerate(shapes[0], start=1)]
        rows = rows / self.count if self.mean else rows
        return (rows.reshape(-1, *kept).expand(-1, *shapes[0]),)


@lowers(aten.mean.dim)
def lower_mean(z: Value, dims: Sequence[int], keepdim: bool = False, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's mean over dimensions."""
    return lower_reduction(z, dims, keepdim, mean=True)


@lowers(aten.sum.dim_IntList)
def lower_sum(z: Value, dims: Sequence[int], keepdim: bool = False, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's sum over dimensions."""
    return lower_reduction(z, dims, keepdim, mean=False)


def lower_reduction(z: Value, dims: Sequence[int], keepdim: bool, *, mean: bool) -> Lowered:
    """Lower a sum or a mean over dimensions."""
    dims = tuple(dim % (len(z.shape) + 1) for dim in dims)
    count = math.prod(z.shape[dim - 1] for dim in dims)
    return Lowered(partial(Reduction, dims, keepdim, mean, count), (z,))
