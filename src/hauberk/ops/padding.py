"""Constant, reflecting, replicating and circular padding; negative sizes crop."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from hauberk.concepts.affine import Affine
from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.errors import UnsupportedOpError

aten = torch.ops.aten


@dataclass(frozen=True)
class Padding(Affine):
    """Padding of the last dimensions, as in torch.

    Args:
        sizes: the sizes before and after each dimension, the last dimension first.
        mode: torch's name of the padding.
        value: the padded value, for mode "constant".
    """

    sizes: tuple[int, ...]
    mode: str
    value: float

    roundings = 1

    @property
    def roundings_back(self) -> int:
        """One for each place that an element may be copied to."""
        if self.mode == "constant":
            return 1
        pairs = zip(self.sizes[::2], self.sizes[1::2], strict=True)
        return math.prod(1 + max(before, 0) + max(after, 0) for before, after in pairs)

    def lipschitz(self) -> float:
        return 1.0

    def __call__(self, z: Tensor) -> Tensor:
        return F.pad(z, self.sizes, self.mode, self.value if self.mode == "constant" else None)

    def absolute(self, z: Tensor) -> Tensor:
        return F.pad(z, self.sizes, self.mode)

    def pull_back(self, rows: Tensor, shapes: Sequence[tuple[int, ...]]) -> tuple[Tensor, ...]:
        if self.mode != "constant":
            return super().pull_back(rows, shapes)
        return (F.pad(rows, [-size for size in self.sizes]),)


@lowers(aten.pad.default)
def lower_padding(
    z: Value, sizes: Sequence[int], mode: str = "constant", value: float | None = None, *, shape: tuple[int, ...]
) -> Lowered:
    """Lower torch's padding."""
    value = value or 0.0
    if any(sizes[2 * len(shape) :]):
        raise UnsupportedOpError("it pads the batch")
    if not math.isfinite(value):
        raise UnsupportedOpError(f"it pads with {value}, which no bound can hold: max pooling has its own padding")
    return Lowered(partial(Padding, tuple(sizes), mode, float(value)), (z,))


@lowers(aten.constant_pad_nd.default)
def lower_constant_padding(z: Value, sizes: Sequence[int], value: float = 0.0, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's padding by a constant."""
    return lower_padding(z, sizes, "constant", value, shape=shape)
