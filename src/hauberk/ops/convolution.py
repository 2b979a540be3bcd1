"""Convolutions in one, two and three dimensions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from math import prod

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.affine import Affine, Diagonal
from hauberk.concepts.lowering import Lowered, Stored, Value, lowers
from hauberk.concepts.rows import Window
from hauberk.functions.composition import call, composed
from hauberk.kernels.convolutions import folds
from hauberk.kernels.fold import fold

aten = torch.ops.aten
FORWARD = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSE = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
SMALL = 12
"""The number of times that a matrix product may multiply with zeros, per stride, until the library is faster."""
ORDER = {1: torch.contiguous_format, 2: torch.channels_last, 3: torch.channels_last_3d}


@dataclass(frozen=True)
class Convolution(Affine):
    """A convolution with zero padding, for all strides, paddings, dilations and groups.

    Args:
        weight: the kernels.
        bias: the summands per output channel. None: 0.
        stride: the distances between windows.
        padding: the numbers of zeros on each side.
        dilation: the distances between the inputs of a window.
        groups: the number of groups of channels.
    """

    weight: Float[Tensor, "out in_per_group *kernel"]
    bias: Float[Tensor, "out"] | None
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    groups: int

    @property
    def homogeneous(self) -> bool:
        return self.bias is None

    @property
    def space(self) -> int:
        """The number of dimensions of the kernel."""
        return self.weight.ndim - 2

    @cached_property
    def kernel(self) -> Float[Tensor, "out in_per_group *kernel"]:
        """The weight with channels last on a CPU: results have them last too, in about two thirds of the time."""
        return self.ordered(self.weight)

    @cached_property
    def absolute_kernel(self) -> Float[Tensor, "out in_per_group *kernel"]:
        """The absolute values of the weight, in the same order."""
        return self.ordered(self.weight.abs())  # abs drops this order for one channel

    def ordered(self, weight: Tensor) -> Tensor:
        """Return a weight in the fastest order of channels."""
        return weight.clone(memory_format=ORDER[self.space]) if weight.device.type == "cpu" else weight

    @property
    def roundings(self) -> int:
        return prod(self.weight.shape[1:]) + 1

    @property
    def roundings_back(self) -> int:
        return len(self.weight) * prod(self.weight.shape[2:]) // self.groups

    def __call__(self, z: Tensor) -> Tensor:
        return self.convolved(z, self.kernel, self.bias)

    def linear(self, z: Tensor) -> Tensor:
        return self.convolved(z, self.kernel, None)

    def absolute(self, z: Tensor) -> Tensor:
        return self.convolved(z, self.absolute_kernel, None)

    def convolved(self, z: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return the convolution with these weights."""
        return FORWARD[self.space](z, weight, bias, self.stride, self.padding, self.dilation, self.groups)

    def offset(self, shapes: Sequence[tuple[int, ...]], like: Tensor) -> Tensor:
        ones = (1,) * self.space
        return like.new_zeros(1, 1, *ones) if self.bias is None else self.bias.view(1, -1, *ones)

    def then(self, diagonal: Diagonal) -> "Convolution | None":
        scale, shift = diagonal.scale, diagonal.shift
        if scale.shape != (len(self.weight), *(1,) * self.space) or shift.shape != scale.shape:
            return None
        bias = shift.flatten() if self.bias is None else self.bias * scale.flatten() + shift.flatten()
        return replace(self, weight=self.weight * scale[..., None], bias=bias)

    def pull_back(self, rows: Tensor, shapes: Sequence[tuple[int, ...]]) -> tuple[Tensor]:
        if rows.device.type == "cpu" and folds(self.weight, self.stride, self.groups):
            columns = rows.movedim(1, -1).flatten(1, 2) @ self.weight.flatten(1)
            return (fold(columns, shapes[0][1:], self.weight.shape[2:], self.stride, self.padding, self.dilation),)
        geometry = (self.stride, self.padding, self.uncovered(shapes[0]), self.groups, self.dilation)
        return (TRANSPOSE[self.space](rows, self.kernel, None, *geometry),)

    def pull_back_windows(
        self, rows: Tensor, window: Window, shapes: Sequence[tuple[int, ...]]
    ) -> list[tuple[Tensor, Window]]:
        values = self.spread(rows)
        start = (window.start[0] * self.stride[0] - self.padding[0], window.start[1] * self.stride[1] - self.padding[1])
        stride = (window.stride[0] * self.stride[0], window.stride[1] * self.stride[1])
        channels, height, width = shapes[0]
        size = (values.shape[2], values.shape[3])
        return [(values, Window((channels, height, width), window.grid, start, stride, size))]

    def spread(self, rows: Float[Tensor, "r out h w"]) -> Float[Tensor, "r in h2 w2"]:
        """Return the transpose on windows, which have no padding; by a matrix product if that is faster."""
        out, channels, *kernel = self.weight.shape
        h, w = rows.shape[2:]
        size = (h - 1) * self.stride[0] + kernel[0], (w - 1) * self.stride[1] + kernel[1]
        small = (h, w) == (1, 1) or channels * prod(size) <= SMALL * prod(self.stride) * prod(kernel)
        if rows.device.type != "cpu" or not small or self.groups > 1 or self.dilation != (1, 1):
            return F.conv_transpose2d(rows, self.weight, None, self.stride, 0, 0, self.groups, self.dilation)
        matrix = self.weight.new_zeros(out, h, w, channels, *size)
        for i in range(h):
            for j in range(w):
                y, x = i * self.stride[0], j * self.stride[1]
                matrix[:, i, j, :, y : y + kernel[0], x : x + kernel[1]] = self.weight
        return (rows.flatten(1) @ matrix.flatten(3).flatten(0, 2)).unflatten(1, (channels, *size))

    def uncovered(self, shape: tuple[int, ...]) -> list[int]:
        """Return the numbers of last elements that no window reaches: strides may stop short of the edge."""
        sizes = zip(shape[1:], self.weight.shape[2:], self.stride, self.padding, self.dilation, strict=True)
        return [(n + 2 * p - d * (k - 1) - 1) % s for n, k, s, p, d in sizes]


@lowers(aten.conv1d.default, aten.conv2d.default, aten.conv3d.default)
def lower_convolution(
    z: Value,
    weight: Stored,
    bias: Stored | None = None,
    stride: Sequence[int] = (1,),
    padding: Sequence[int] = (0,),
    dilation: Sequence[int] = (1,),
    groups: int = 1,
    *,
    shape: tuple[int, ...],
) -> Lowered:
    """Lower torch's convolutions with numeric padding."""
    space = len(shape) - 1  # torch gives a single size if all agree
    sizes = [tuple(s) * (1 if len(s) == space else space) for s in (stride, padding, dilation)]
    stride, padding, dilation = sizes
    make = partial(Convolution, stride=stride, padding=padding, dilation=dilation, groups=groups)
    return Lowered(make, (z,), (weight, bias))


@lowers(aten.conv1d.padding, aten.conv2d.padding, aten.conv3d.padding)
@composed
def lower_named_padding(
    z: Value,
    weight: Stored,
    bias: Stored | None = None,
    stride: Sequence[int] = (1,),
    padding: str = "valid",
    dilation: Sequence[int] = (1,),
    groups: int = 1,
    *,
    shape: tuple[int, ...],
) -> Lowered:
    """Lower torch's convolutions with padding "valid" or "same"."""
    kernel = weight.shape[2:]
    dilation = tuple(dilation) * (len(kernel) // len(dilation))
    reach = [d * (k - 1) if padding == "same" else 0 for d, k in zip(dilation, kernel, strict=True)]
    more = [size for r in reversed(reach) for size in (0, r % 2)]  # on the far sides, where a kernel is even
    z = call(aten.pad.default, z, more) if any(more) else z
    return lower_convolution(z, weight, bias, stride, [r // 2 for r in reach], dilation, groups, shape=shape)
