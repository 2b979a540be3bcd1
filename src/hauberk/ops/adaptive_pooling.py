"""Adaptive average pooling in one, two and three dimensions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from hauberk.concepts.affine import Affine
from hauberk.concepts.lowering import Lowered, Value, lowers

aten = torch.ops.aten
FUNCTIONS = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}


@dataclass(frozen=True)
class AdaptiveAveragePooling(Affine):
    """The means of evenly spread windows, `sizes` of them along each dimension; its transpose is the vjp.

    Args:
        sizes: the size of the result, for one, two or three dimensions.
        window: an upper bound on the number of inputs of a window.
        covering: an upper bound on the number of windows that contain an input.
    """

    sizes: tuple[int, ...]
    window: int
    covering: int

    @property
    def roundings(self) -> int:
        return self.window + 1

    @property
    def roundings_back(self) -> int:
        return self.covering + 1

    def __call__(self, z: Tensor) -> Tensor:
        return FUNCTIONS[len(self.sizes)](z, self.sizes)

    def absolute(self, z: Tensor) -> Tensor:
        return self(z)


@lowers(aten.adaptive_avg_pool1d.default, aten.adaptive_avg_pool2d.default, aten.adaptive_avg_pool3d.default)
def lower_adaptive_pooling(z: Value, sizes: Sequence[int], *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's adaptive average pooling."""
    pairs = list(zip(z.shape[-len(sizes) :], sizes, strict=True))
    # n inputs and m outputs: window i goes from floor(i n / m) to ceil((i + 1) n / m), so that windows hold at most
    # n / m + 2 inputs, and an input lies in at most m / n + 2 windows.
    window = math.prod(n // m + 2 for n, m in pairs)
    covering = math.prod(m // n + 2 for n, m in pairs)
    return Lowered(partial(AdaptiveAveragePooling, tuple(sizes), window, covering), (z,))
