"""Max pooling in one, two and three dimensions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.errors import UnsupportedOpError
from hauberk.functions.window_maximum import WindowMaximum

aten = torch.ops.aten
FUNCTIONS = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}


@dataclass(frozen=True)
class MaxPooling(WindowMaximum):
    """The largest input of each window; padding counts as minus infinity.

    Args:
        kernel, stride, padding, dilation, ceil_mode: as in torch, one size per dimension.
        windows: the positions in the input's map that each window reads, -1 for padding.
        covering: the maximum number of windows that contain an input.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    ceil_mode: bool
    windows: Int[Tensor, "o k"]
    covering: int

    @property
    def space(self) -> int:
        return len(self.kernel)

    def largest(self, z: Float[Tensor, "b *z"]) -> tuple[Float[Tensor, "b *out"], Int[Tensor, "b *out"]]:
        geometry = (self.kernel, self.stride, self.padding, self.dilation, self.ceil_mode)
        return FUNCTIONS[self.space](z, *geometry, return_indices=True)


def lower_max_pooling(
    space: int,
    z: Value,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    dilation: Sequence[int] = (1,),
    ceil_mode: bool = False,
    *,
    shape: tuple[int, ...],
) -> Lowered:
    """Lower torch's max pooling."""
    sizes = [tuple(s) * (space // len(s)) for s in (kernel, stride or kernel, padding, dilation)]
    windows = window_positions(z.shape[-space:], shape[-space:], *sizes)
    if (windows < 0).all(1).any():
        raise UnsupportedOpError("one of its windows lies in the padding entirely, where the maximum is infinite")
    covering = int(windows[windows >= 0].bincount().max())
    return Lowered(partial(MaxPooling, *sizes, ceil_mode, windows, covering), (z,))


def lower_with_indices(space: int, z: Value, *given: Any, shape: Sequence[tuple[int, ...]]) -> list[Lowered]:
    """Lower torch's max pooling that also says where the maxima lie, which is not bounded."""
    return [lower_max_pooling(space, z, *given, shape=shape[0])]


for space, operator in enumerate((aten.max_pool1d.default, aten.max_pool2d.default, aten.max_pool3d.default), 1):
    lowers(operator)(partial(lower_max_pooling, space))
WITH_INDICES = {
    aten.max_pool1d_with_indices.default: lambda x: F.max_pool1d(x[:, 0], 2, return_indices=True)[0],
    aten.max_pool2d_with_indices.default: lambda x: F.max_pool2d(x, 2, return_indices=True)[0],
    aten.max_pool3d_with_indices.default: lambda x: F.max_pool3d(x[:, None], 2, return_indices=True)[0],
}
for space, (operator, case) in enumerate(WITH_INDICES.items(), 1):
    lowers(operator, case=case)(partial(lower_with_indices, space))


def window_positions(
    inputs: Sequence[int],
    outputs: Sequence[int],
    kernel: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
) -> Int[Tensor, "o k"]:
    """Return the positions that each window reads of a map of size `inputs`, -1 outside of it."""
    position, outside = torch.zeros(1, 1, dtype=torch.long), torch.zeros(1, 1, dtype=torch.bool)
    for n, m, k, s, p, d in zip(inputs, outputs, kernel, stride, padding, dilation, strict=True):
        along = torch.arange(m)[:, None] * s + torch.arange(k) * d - p
        position = (position[:, None, :, None] * n + along[:, None]).flatten(2).flatten(0, 1)
        outside = (outside[:, None, :, None] | ((along < 0) | (along >= n))[:, None]).flatten(2).flatten(0, 1)
    return position.masked_fill(outside, -1)
