"""Values of which constant masks keep a part: where, masked_fill, tril, triu."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from hauberk.concepts.affine import Affine, Diagonal
from hauberk.concepts.lowering import Lowered, Operand, Stored, Value, lowers
from hauberk.errors import UnsupportedOpError
from hauberk.functions.composition import composed, enlarged

aten = torch.ops.aten
EVEN = torch.arange(6) % 2 == 0


@dataclass(frozen=True)
class Masked(Diagonal):
    """z where a mask is not zero, a constant elsewhere.

    Args:
        mask: the mask; it broadcasts to the shape of z.
        filling: the constant, which does so too.
    """

    mask: Tensor
    filling: Tensor
    roundings = roundings_back = 1

    @cached_property
    def scale(self) -> Tensor:
        return (self.mask != 0).to(self.filling)

    @cached_property
    def shift(self) -> Tensor:
        return torch.where(self.mask != 0, 0, self.filling)

    def __call__(self, z: Tensor) -> Tensor:
        return torch.where(self.mask != 0, z, self.filling)


@dataclass(frozen=True)
class Merged(Affine):
    """One value where a mask is not zero, another of the same shape elsewhere.

    Args:
        mask: the mask; it broadcasts to the shape of the values.
    """

    mask: Tensor
    homogeneous = True
    roundings = roundings_back = 1

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        return torch.where(self.mask != 0, first, second)

    def linear(self, first: Tensor, second: Tensor) -> Tensor:
        return self(first, second)

    def absolute(self, first: Tensor, second: Tensor) -> Tensor:
        return self(first, second)

    def pull_back(self, rows: Tensor, shapes: Sequence[tuple[int, ...]]) -> tuple[Tensor, Tensor]:
        kept = self.mask != 0
        return torch.where(kept, rows, 0), torch.where(kept, 0, rows)


@lowers(
    *(aten.where.self, aten.where.ScalarSelf, aten.where.ScalarOther),
    case=lambda x: (
        torch.where(EVEN, x, 0.5) + torch.where(EVEN, -1.0, x) + torch.where(EVEN, x[:, :1], x.flip(1) + EVEN.to(x))
    ),
)
@composed
def lower_where(mask: Operand, first: Operand, second: Operand, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's choice by a constant mask."""
    if not isinstance(mask, Stored):
        raise UnsupportedOpError("its mask depends on the input: a step, without a slope that bounds could follow")
    if isinstance(first, Value) and isinstance(second, Value):
        return Lowered(Merged, (enlarged(first, shape), enlarged(second, shape)), (mask,))
    if isinstance(first, Value):
        return Lowered(Masked, (enlarged(first, shape),), (mask, filling(second)))
    if isinstance(second, Value):

        def make(given: Tensor, other: Tensor) -> Masked:
            return Masked((given == 0).to(given), other)

        return Lowered(make, (enlarged(second, shape),), (mask, filling(first)))
    raise UnsupportedOpError("neither of its values depends on the input")


@lowers(
    *(aten.masked_fill.Scalar, aten.masked_fill.Tensor),
    case=lambda x: x.masked_fill(EVEN, 2.0) + x.masked_fill(EVEN[:, None, None, None][:4, 0], torch.tensor(0.3)),
)
def lower_masked_fill(z: Value, mask: Operand, value: Operand, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's filling where a constant mask says so."""
    return lower_where(mask, value, z, shape=shape)


@lowers(aten.tril.default, case=lambda x: x.tril() + x.tril(-2))
def lower_tril(z: Value, diagonal: int = 0, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's lower triangle."""
    return triangle(torch.tril, z, diagonal)


@lowers(aten.triu.default, case=lambda x: x.triu() + x.triu(2))
def lower_triu(z: Value, diagonal: int = 0, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's upper triangle."""
    return triangle(torch.triu, z, diagonal)


def triangle(function: Callable[..., Tensor], z: Value, diagonal: int) -> Lowered:
    """Lower the part of the last two dimensions that a function keeps of ones."""
    if len(z.shape) < 2:
        raise UnsupportedOpError("it takes the batch for rows of a matrix")
    mask = function(torch.ones(z.shape[-2:]), diagonal)
    return Lowered(Masked, (z,), (Stored(mask, tuple(mask.shape)), filling(0.0)))


def filling(constant: Operand) -> Stored:
    """Return a constant as a tensor."""
    if isinstance(constant, Stored):
        return constant
    if not isinstance(constant, float | int) or not math.isfinite(constant):
        raise UnsupportedOpError(f"it fills with {constant}, which no bound can hold: use a number, -1e4 say")
    return Stored(torch.tensor(constant, dtype=torch.float64), ())
