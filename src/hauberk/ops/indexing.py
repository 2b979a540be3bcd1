"""Elements picked by constant indices: advanced indexing, index_select, gather."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from hauberk.concepts.affine import Affine
from hauberk.concepts.lowering import Lowered, Operand, Stored, Value, lowers
from hauberk.errors import UnsupportedOpError

aten = torch.ops.aten


@dataclass(frozen=True)
class Indexing(Affine):
    """The elements of each example that constant indices pick; its transpose is the vjp.

    Args:
        pick: returns the elements of a batch, given the indices.
        indices: the indices, as numbers of any type.
        shape: the shape of the operand, without the batch.
    """

    pick: Callable[..., Tensor]
    indices: tuple[Tensor, ...]
    shape: tuple[int, ...]
    roundings = 0

    @cached_property
    def roundings_back(self) -> int:
        """The maximum number of places that an element goes to."""
        size = torch.Size(self.shape).numel()
        device = self.indices[0].device
        source = torch.arange(size, dtype=torch.float64, device=device).view(1, *self.shape)
        return int(self(source).flatten().long().bincount(minlength=1).max())

    def __call__(self, z: Tensor) -> Tensor:
        return self.pick(z, *(index.long() for index in self.indices))

    def absolute(self, z: Tensor) -> Tensor:
        return self(z)


def indexed(pick: Callable[..., Tensor], z: Value, indices: Sequence[Operand]) -> Lowered:
    """Return the recipe for picking elements; the indices are read at every run."""
    stored = tuple(index for index in indices if isinstance(index, Stored))
    if not isinstance(z, Value) or len(stored) < len(indices):
        raise UnsupportedOpError("its indices depend on the input: a step, without a slope that bounds could follow")
    return Lowered(lambda *tensors: Indexing(pick, tensors, z.shape), (z,), stored)


@lowers(aten.index.Tensor, case=lambda x: x[:, [2, 0, 2], :, 1:][:, :, [3, -1], [[0], [4]]])
def lower_index(z: Value, indices: Sequence[Operand | None], *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's indexing by constant tensors."""
    if not indices or indices[0] is not None:
        raise UnsupportedOpError("it picks examples of the batch, which no network may")
    held = [index is not None for index in indices]

    def pick(values: Tensor, *given: Tensor) -> Tensor:
        each = iter(given)
        return values[tuple(next(each) if there else slice(None) for there in held)]

    return indexed(pick, z, [index for index in indices if index is not None])


@lowers(aten.index_select.default, case=lambda x: x.index_select(-2, torch.tensor([4, 0, 0])))
def lower_index_select(z: Value, dim: int, index: Operand, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's selection along a dimension."""
    require_inside(dim, shape)

    def pick(values: Tensor, places: Tensor) -> Tensor:
        return values.index_select(dim, places)

    return indexed(pick, z, [index])


@lowers(aten.gather.default, case=lambda x: x.gather(1, torch.tensor([[[[1, 3]]]]).expand(x.shape[0], 1, 1, 2)))
def lower_gather(z: Value, dim: int, index: Operand, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's gathering by indices that all examples share."""
    require_inside(dim, shape)

    def pick(values: Tensor, places: Tensor) -> Tensor:
        return values.gather(dim, places.expand(len(values), *places.shape[1:]))

    return indexed(pick, z, [index])


def require_inside(dim: int, shape: Sequence[int]) -> None:
    """Raise if a dimension is that of the batch."""
    if dim % (len(shape) + 1) == 0:
        raise UnsupportedOpError("it picks examples of the batch, which no network may")
