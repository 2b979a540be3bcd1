"""Adaptive max pooling in one, two and three dimensions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.functions.window_maximum import WindowMaximum

aten = torch.ops.aten
FUNCTIONS = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}


@dataclass(frozen=True)
class AdaptiveMaxPooling(WindowMaximum):
    """The largest inputs of evenly spread windows, `sizes` of them along each dimension.

    Args:
        sizes: the size of the result, for one, two or three dimensions.
        windows: the positions in the input's map that each window reads, -1 for none.
        covering: the maximum number of windows that contain an input.
    """

    sizes: tuple[int, ...]
    windows: Int[Tensor, "o k"]
    covering: int

    @property
    def space(self) -> int:
        return len(self.sizes)

    def largest(self, z: Float[Tensor, "b *z"]) -> tuple[Float[Tensor, "b *out"], Int[Tensor, "b *out"]]:
        return FUNCTIONS[self.space](z, self.sizes, return_indices=True)


def lower_adaptive_max_pooling(z: Value, sizes: Sequence[int], *, shape: Sequence[tuple[int, ...]]) -> list[Lowered]:
    """Lower torch's adaptive max pooling; where maxima lie is not bounded."""
    windows = spread_windows(z.shape[-len(sizes) :], sizes)
    covering = int(windows[windows >= 0].bincount().max())
    return [Lowered(partial(AdaptiveMaxPooling, tuple(sizes), windows, covering), (z,))]


def spread_windows(inputs: Sequence[int], outputs: Sequence[int]) -> Int[Tensor, "o k"]:
    """Return the positions that each window reads of a map, -1 where it is smaller than others.

    With n inputs and m outputs, window i goes from floor(i n / m) to ceil((i + 1) n / m).
    """
    position, outside = torch.zeros(1, 1, dtype=torch.long), torch.zeros(1, 1, dtype=torch.bool)
    for n, m in zip(inputs, outputs, strict=True):
        i = torch.arange(m)[:, None]
        start, end = i * n // m, -(-(i + 1) * n // m)
        along = start + torch.arange(int((end - start).max()))
        position = (position[:, None, :, None] * n + along[:, None]).flatten(2).flatten(0, 1)
        outside = (outside[:, None, :, None] | (along >= end)[:, None]).flatten(2).flatten(0, 1)
    return position.masked_fill(outside, -1)


CASES = {
    aten.adaptive_max_pool1d.default: lambda x: F.adaptive_max_pool1d(x[:, 0], 4),
    aten.adaptive_max_pool2d.default: lambda x: F.adaptive_max_pool2d(x, (3, 4)) + F.adaptive_max_pool2d(x, 1),
    aten.adaptive_max_pool3d.default: lambda x: F.adaptive_max_pool3d(x[:, None], (3, 2, 7)),
}
for operator, case in CASES.items():
    lowers(operator, case=case)(lower_adaptive_max_pooling)
