"""Reshapes, permutations, and operators that do nothing."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from hauberk.concepts.affine import Affine
from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.errors import UnsupportedOpError

aten = torch.ops.aten


@dataclass(frozen=True)
class Reshape(Affine):
    """The same elements in the same order, in another shape; the batch stays first.

    Args:
        shape: the new shape, without the batch.
    """

    shape: tuple[int, ...]
    one_to_one = True
    homogeneous = True
    roundings = roundings_back = 0

    def __call__(self, z: Tensor) -> Tensor:
        return z.reshape(-1, *self.shape)

    def linear(self, z: Tensor) -> Tensor:
        return self(z)

    def absolute(self, z: Tensor) -> Tensor:
        return self(z)

    def pull_back(self, rows: Tensor, shapes: Sequence[tuple[int, ...]]) -> tuple[Tensor]:
        return (rows.reshape(-1, *shapes[0]),)


@dataclass(frozen=True)
class Permute(Affine):
    """The dimensions in another order; the batch stays first.

    Args:
        order: the old place of each dimension, counting the batch, whose place is 0.
    """

    order: tuple[int, ...]
    one_to_one = True
    homogeneous = True
    roundings = roundings_back = 0

    def __call__(self, z: Tensor) -> Tensor:
        return z.permute(self.order)

    def linear(self, z: Tensor) -> Tensor:
        return self(z)

    def absolute(self, z: Tensor) -> Tensor:
        return self(z)

    def pull_back(self, rows: Tensor, shapes: Sequence[tuple[int, ...]]) -> tuple[Tensor]:
        inverse = sorted(range(len(self.order)), key=self.order.__getitem__)
        return (rows.permute(inverse),)


@lowers(
    aten.view.default,
    aten.reshape.default,
    aten._unsafe_view.default,
    aten.flatten.using_ints,
    aten.unflatten.int,
    aten.view_as.default,
    aten.reshape_as.default,
    aten.squeeze.default,
    aten.squeeze.dim,
    aten.squeeze.dims,
    aten.unsqueeze.default,
)
def lower_reshape(z: Value, *sizes: object, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's reshapes."""
    return Lowered(partial(Reshape, shape), (z,))


@lowers(aten.permute.default)
def lower_permute(z: Value, order: Sequence[int], *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's permutation of dimensions."""
    order = tuple(dim % len(order) for dim in order)
    if order[0] != 0:
        raise UnsupportedOpError("the batch must stay the first dimension")
    return Lowered(partial(Permute, order), (z,))


@lowers(aten.transpose.int)
def lower_transpose(z: Value, first: int, second: int, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's exchange of two dimensions."""
    order = list(range(len(shape) + 1))
    order[first], order[second] = order[second], order[first]
    return lower_permute(z, order, shape=shape)


@lowers(
    *(aten.contiguous.default, aten.clone.default, aten.alias.default, aten.detach.default, aten.positive.default),
    *(aten.to.dtype, aten.to.dtype_layout, aten.to.device, aten.to.other, aten.type_as.default, aten.real.default),
    case=lambda x: (
        +x.contiguous(memory_format=torch.channels_last).clone()
        + (x.detach() + aten.alias(x) + x.double().to("cpu").to(x).to("cpu", torch.float64).type_as(x)).real
    ),
)
def lower_nothing(z: Value, *_: object, shape: tuple[int, ...], **options: object) -> Value:
    """Return the operand: copies, aliases and casts to the type that it has change nothing."""
    return z
