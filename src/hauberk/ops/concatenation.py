"""Concatenation along an existing dimension or a new one."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from hauberk.concepts.affine import Affine
from hauberk.concepts.lowering import Computed, Lowered, Operand, Stored, Value, lowers
from hauberk.functions.composition import call, composed

aten = torch.ops.aten
ZEROS = torch.zeros(1, dtype=torch.float64)


@dataclass(frozen=True)
class Concatenation(Affine):
    """Perturbed values, and constants shared by all examples, concatenated; the transpose splits them.

    Args:
        parts: in order, the constants, with batch 1, and None for every perturbed value.
        dim: the dimension to concatenate along, counting the batch.
    """

    parts: tuple[Tensor | None, ...]
    dim: int
    roundings = roundings_back = 1

    def __call__(self, *z: Tensor) -> Tensor:
        return self.joined(self.parts, z)

    def absolute(self, *z: Tensor) -> Tensor:
        return self.joined([part if part is None else torch.zeros_like(part) for part in self.parts], z)

    def joined(self, parts: Sequence[Tensor | None], z: Sequence[Tensor]) -> Tensor:
        """Return the concatenation of constant parts and perturbed values."""
        perturbed, b = iter(z), len(z[0])
        return torch.cat([next(perturbed) if c is None else c.expand(b, *c.shape[1:]) for c in parts], self.dim)

    def pull_back(self, rows: Tensor, shapes: Sequence[tuple[int, ...]]) -> tuple[Tensor, ...]:
        sizes = iter(shapes)
        lengths = [next(sizes)[self.dim - 1] if c is None else c.shape[self.dim] for c in self.parts]
        return tuple(part for part, c in zip(rows.split(lengths, self.dim), self.parts, strict=True) if c is None)


@dataclass(frozen=True)
class Stack(Affine):
    """Perturbed values of equal shape, stacked along a new dimension.

    Args:
        dim: the new dimension's place, counting the batch.
    """

    dim: int
    roundings = roundings_back = 1

    def __call__(self, *z: Tensor) -> Tensor:
        return torch.stack(z, self.dim)

    def absolute(self, *z: Tensor) -> Tensor:
        return self(*z)

    def pull_back(self, rows: Tensor, shapes: Sequence[tuple[int, ...]]) -> tuple[Tensor, ...]:
        return rows.unbind(self.dim)


@lowers(aten.cat.default)
def lower_concatenation(operands: Sequence[Operand], dim: int = 0, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's concatenation."""
    perturbed = tuple(operand for operand in operands if isinstance(operand, Value))
    constants = tuple(operand for operand in operands if isinstance(operand, Stored))
    order = [not isinstance(operand, Stored) for operand in operands]
    ndim = len(shape) + 1

    def make(*tensors: Tensor) -> Concatenation:
        stored = iter(tensors)
        batched = [None if is_value else with_batch(next(stored), ndim) for is_value in order]
        return Concatenation(tuple(batched), dim % ndim)

    return Lowered(make, perturbed, constants)


def with_batch(constant: Tensor, ndim: int) -> Tensor:
    """Return a constant, with a batch of one added if it has none."""
    return constant if constant.ndim == ndim else constant.unsqueeze(0)


@lowers(
    *(aten.concat.default, aten.concatenate.default),
    case=lambda x: torch.concat([x, -x], 2) + torch.concatenate([x, 2 * x], 2),
)
def lower_synonym(operands: Sequence[Operand], dim: int = 0, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's other names of the concatenation."""
    return lower_concatenation(operands, dim, shape=shape)


@lowers(
    *(aten.hstack.default, aten.column_stack.default),
    case=lambda x: torch.hstack([x, x]) - torch.column_stack([x, 2 * x]),
)
def lower_horizontal_stack(operands: Sequence[Operand], *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's concatenation along the dimension after the batch."""
    return lower_concatenation(operands, 1, shape=shape)


@lowers(aten.stack.default, case=lambda x: torch.stack([x, ZEROS.expand_as(x) + 1, 2 * x], -1))
@composed
def lower_stack(operands: Sequence[Operand], dim: int = 0, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's stacking; with constants, it is a concatenation of all that is stacked."""
    dim %= len(shape) + 1
    perturbed = tuple(operand for operand in operands if isinstance(operand, Value))
    if len(perturbed) == len(operands):
        return Lowered(lambda: Stack(dim), perturbed)
    return lower_concatenation([with_dimension(operand, dim) for operand in operands], dim, shape=shape)


def with_dimension(operand: Operand, dim: int) -> Value | Stored:
    """Return an operand with a new dimension of size 1."""
    if isinstance(operand, Stored):
        return Stored(Computed(torch.unsqueeze, (operand, dim)), (*operand.shape[:dim], 1, *operand.shape[dim:]))
    return call(aten.unsqueeze.default, operand, dim)
