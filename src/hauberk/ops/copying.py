"""Slices, repetitions, enlargements, reorderings: every element of the result is an element of the operand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from hauberk.concepts.affine import Affine
from hauberk.concepts.lowering import Lowered, Operand, Stored, Value, lowers
from hauberk.errors import UnsupportedOpError

aten = torch.ops.aten
OPERATORS = (
    *(aten.slice.Tensor, aten.select.int, aten.narrow.default),
    *(aten.repeat.default, aten.tile.default, aten.repeat_interleave.self_int),
    *(aten.upsample_nearest1d.vec, aten.upsample_nearest2d.vec, aten.upsample_nearest3d.vec),
    *(aten._upsample_nearest_exact1d.vec, aten._upsample_nearest_exact2d.vec, aten._upsample_nearest_exact3d.vec),
    *(aten.pixel_shuffle.default, aten.pixel_unshuffle.default, aten.channel_shuffle.default),
    *(aten.flip.default, aten.fliplr.default, aten.rot90.default, aten.roll.default),
    *(aten.movedim.int, aten.movedim.intlist, aten.moveaxis.int, aten.moveaxis.intlist, aten.mT.default),
    *(aten.swapaxes.default, aten.swapdims.default, aten.adjoint.default, aten.atleast_3d.default),
    *(aten.unfold.default, aten.diagonal.default),
)


@dataclass(frozen=True)
class Copying(Affine):
    """A torch function that copies elements, each to any number of places; its transpose is the vjp.

    Args:
        function: the function, on a batch.
        copies: the maximum number of places that an element goes to.
    """

    function: Callable[[Tensor], Tensor]
    copies: int
    roundings = 0

    @property
    def roundings_back(self) -> int:
        return self.copies

    def __call__(self, z: Tensor) -> Tensor:
        return self.function(z)

    def absolute(self, z: Tensor) -> Tensor:
        return self(z)


def lower_copying(
    operator: Callable[..., Tensor], z: Operand, *arguments: object, shape: tuple[int, ...]
) -> Lowered | Value:
    """Lower a torch operator that copies elements."""
    if not isinstance(z, Value):
        raise UnsupportedOpError("its operand is a constant: store the result instead")

    def function(values: Tensor) -> Tensor:
        return operator(values, *arguments)

    return lowered(function, z, shape)


for operator in OPERATORS:
    lowers(operator)(partial(lower_copying, operator))


@lowers(aten.expand.default, aten.expand_as.default, aten.broadcast_to.default)
def lower_expansion(z: Operand, *sizes: object, shape: tuple[int, ...]) -> Lowered | Value | Stored:
    """Lower torch's expansion."""
    if isinstance(z, Stored):
        if z.shape not in (shape, (1, *shape)):
            raise UnsupportedOpError("it enlarges a constant by more than the batch: store it enlarged")
        return z
    if not isinstance(z, Value):
        raise UnsupportedOpError("its operand does not depend on the input")

    def function(values: Tensor) -> Tensor:
        return values.expand(-1, *shape)

    return lowered(function, z, shape)


def lowered(function: Callable[[Tensor], Tensor], z: Value, shape: Sequence[int]) -> Lowered | Value:
    """Lower a copying function, after tracing every element of two examples; if nothing moves, return z.

    Raises:
        UnsupportedOpError: an example reads elements of another.
    """
    size = torch.Size(z.shape).numel()
    source = torch.arange(2 * size, dtype=torch.float64, device="cpu").view(2, *z.shape)
    first, second = function(source)
    if not torch.equal(second, first + size) or first.amax() >= size:
        raise UnsupportedOpError("it moves elements between the examples of a batch")
    if torch.equal(first, source[0]):
        return z
    return Lowered(partial(Copying, function, int(first.flatten().long().bincount().max())), (z,))
