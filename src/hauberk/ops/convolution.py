"""Two-dimensional convolutions."""

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
from hauberk.errors import UnsupportedOpError
from hauberk.kernels.convolutions import FEW
from hauberk.kernels.fold import fold


@dataclass(frozen=True)
class Convolution(Affine):
    """conv2d with zero padding, for all strides, paddings, dilations and groups.

    Args:
        weight: the kernels.
        bias: the summands per output channel. None: 0.
        stride: the distances between windows.
        padding: the numbers of zeros on each side.
        dilation: the distances between the inputs of a window.
        groups: the number of groups of channels.
    """

    weight: Float[Tensor, "out in_per_group height width"]
    bias: Float[Tensor, "out"] | None
    stride: tuple[int, int]
    padding: tuple[int, int]
    dilation: tuple[int, int]
    groups: int

    @cached_property
    def kernel(self) -> Float[Tensor, "out in_per_group height width"]:
        """The weight with channels last: results then have them last too, in about two thirds of the time."""
        return self.weight.clone(memory_format=torch.channels_last)

    @cached_property
    def absolute_kernel(self) -> Float[Tensor, "out in_per_group height width"]:
        """The absolute values of the weight, with channels last."""
        return self.weight.abs().clone(memory_format=torch.channels_last)  # abs drops this order for one channel

    @property
    def roundings(self) -> int:
        return prod(self.weight.shape[1:]) + 1

    @property
    def roundings_back(self) -> int:
        return len(self.weight) * prod(self.weight.shape[2:]) // self.groups

    def __call__(self, z: Tensor) -> Tensor:
        return F.conv2d(z, self.kernel, self.bias, self.stride, self.padding, self.dilation, self.groups)

    def linear(self, z: Tensor) -> Tensor:
        return F.conv2d(z, self.kernel, None, self.stride, self.padding, self.dilation, self.groups)

    def absolute(self, z: Tensor) -> Tensor:
        return F.conv2d(z, self.absolute_kernel, None, self.stride, self.padding, self.dilation, self.groups)

    def constants(self, shapes: Sequence[tuple[int, ...]], like: Tensor) -> Tensor:
        return like.new_zeros(1, 1, 1, 1) if self.bias is None else self.bias.abs()[None, :, None, None]

    def then(self, diagonal: Diagonal) -> "Convolution | None":
        scale, shift = diagonal.scale, diagonal.shift
        if scale.shape != (len(self.weight), 1, 1) or shift.shape != scale.shape:
            return None
        bias = shift if self.bias is None else self.bias[:, None, None] * scale + shift
        return replace(self, weight=self.weight * scale[..., None], bias=bias.flatten())

    def pull_back(self, rows: Tensor, shapes: Sequence[tuple[int, ...]]) -> tuple[Tensor]:
        if self.weight.shape[1] <= FEW and self.groups == 1:
            columns = rows.movedim(1, -1).flatten(1, 2) @ self.weight.flatten(1)
            return (fold(columns, shapes[0][1:], self.weight.shape[2:], self.stride, self.padding, self.dilation),)
        return (
            F.conv_transpose2d(
                rows,
                self.kernel,
                None,
                self.stride,
                self.padding,
                self.uncovered(shapes[0]),
                self.groups,
                self.dilation,
            ),
        )

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
        dense = self.groups == 1 and self.dilation == (1, 1)
        if not dense or (rows.shape[2:] != (1, 1) and channels > FEW):
            return F.conv_transpose2d(rows, self.weight, None, self.stride, 0, 0, self.groups, self.dilation)
        h, w = rows.shape[2:]
        size = (h - 1) * self.stride[0] + kernel[0], (w - 1) * self.stride[1] + kernel[1]
        matrix = self.weight.new_zeros(out, h, w, channels, *size)
        for i in range(h):
            for j in range(w):
                y, x = i * self.stride[0], j * self.stride[1]
                matrix[:, i, j, :, y : y + kernel[0], x : x + kernel[1]] = self.weight
        return (rows.flatten(1) @ matrix.flatten(3).flatten(0, 2)).unflatten(1, (channels, *size))

    def uncovered(self, shape: tuple[int, ...]) -> list[int]:
        """Return the numbers of last rows and columns that no window reaches: strides may stop short of the edge."""
        sizes = zip(shape[1:], self.weight.shape[2:], self.stride, self.padding, self.dilation, strict=True)
        return [(n + 2 * p - d * (k - 1) - 1) % s for n, k, s, p, d in sizes]


@lowers(torch.ops.aten.conv2d.default)
def lower_convolution(
    z: Value,
    weight: Stored,
    bias: Stored | None = None,
    stride: Sequence[int] = (1, 1),
    padding: Sequence[int] = (0, 0),
    dilation: Sequence[int] = (1, 1),
    groups: int = 1,
    *,
    shape: tuple[int, ...],
) -> Lowered:
    """Lower torch's conv2d with numeric padding."""
    return lower_padded(z, weight, bias, pair(stride), pair(padding), pair(dilation), groups)


@lowers(torch.ops.aten.conv2d.padding)
def lower_named_padding(
    z: Value,
    weight: Stored,
    bias: Stored | None = None,
    stride: Sequence[int] = (1, 1),
    padding: str = "valid",
    dilation: Sequence[int] = (1, 1),
    groups: int = 1,
    *,
    shape: tuple[int, ...],
) -> Lowered:
    """Lower torch's conv2d with padding "valid" or "same"."""
    dilation = pair(dilation)
    reach = [d * (k - 1) if padding == "same" else 0 for d, k in zip(dilation, weight.shape[2:], strict=True)]
    if any(r % 2 for r in reach):
        raise UnsupportedOpError('padding "same" with an even kernel pads one side more: pad by numbers instead')
    return lower_padded(z, weight, bias, pair(stride), (reach[0] // 2, reach[1] // 2), dilation, groups)


def lower_padded(
    z: Value,
    weight: Stored,
    bias: Stored | None,
    stride: tuple[int, int],
    padding: tuple[int, int],
    dilation: tuple[int, int],
    groups: int,
) -> Lowered:
    """Lower a convolution with sizes for height and width."""
    make = partial(Convolution, stride=stride, padding=padding, dilation=dilation, groups=groups)
    return Lowered(make, (z,), (weight, bias))


def pair(sizes: Sequence[int]) -> tuple[int, int]:
    """Return a size for height and one for width: torch gives a single one if both agree."""
    return (sizes[0], sizes[-1])
