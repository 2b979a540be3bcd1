"""Average pooling in one, two and three dimensions."""

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
FUNCTIONS = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


@dataclass(frozen=True)
class AveragePooling(Affine):
    """The mean of each window; its transpose is the vjp.

    Args:
        kernel: the size of a window.
        stride: the distances between windows.
        padding: the numbers of zeros on each side.
        ceil_mode: whether windows may extend beyond the padding.
        count_padding: whether padding counts towards the number of elements.
        divisor: divides the sums in place of the number of elements; may be negative. None: that number.
    """

    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    ceil_mode: bool
    count_padding: bool
    divisor: int | None
    homogeneous = True

    @property
    def roundings(self) -> int:
        return math.prod(self.kernel) + 1

    @property
    def roundings_back(self) -> int:
        return self.roundings

    def __call__(self, z: Tensor) -> Tensor:
        geometry = (self.kernel, self.stride, self.padding, self.ceil_mode, self.count_padding)
        divisor = () if self.divisor is None else (self.divisor,)  # lines have none
        return FUNCTIONS[len(self.kernel)](z, *geometry, *divisor)

    def linear(self, z: Tensor) -> Tensor:
        return self(z)

    def absolute(self, z: Tensor) -> Tensor:
        return -self(z) if self.divisor is not None and self.divisor < 0 else self(z)


@lowers(aten.avg_pool1d.default, aten.avg_pool2d.default, aten.avg_pool3d.default)
def lower_average_pooling(
    z: Value,
    kernel: Sequence[int],
    stride: Sequence[int] = (),
    padding: Sequence[int] = (0,),
    ceil_mode: bool = False,
    count_padding: bool = True,
    divisor: int | None = None,
    *,
    shape: tuple[int, ...],
) -> Lowered:
    """Lower torch's average pooling."""
    space = len(shape) - 1
    sizes = [tuple(s) * (1 if len(s) == space else space) for s in (kernel, stride or kernel, padding)]
    return Lowered(partial(AveragePooling, *sizes, ceil_mode, count_padding, divisor), (z,))
