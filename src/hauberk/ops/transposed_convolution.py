"""Transposed convolutions in one, two and three dimensions."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.affine import Affine
from hauberk.concepts.lowering import Lowered, Stored, Value, lowers

aten = torch.ops.aten
FORWARD = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
TRANSPOSE = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}


@dataclass(frozen=True)
class TransposedConvolution(Affine):
    """conv_transpose; its own transpose is the convolution with the same weights.

    Args:
        weight: the kernels.
        bias: the summands per output channel. None: 0.
        stride: the distances between windows of the result.
        padding: the numbers of elements cut off on each side.
        output_padding: the numbers of elements added at the end.
        groups: the number of groups of channels.
        dilation: the distances between the elements of a window.
    """

    weight: Float[Tensor, "in out_per_group *kernel"]
    bias: Float[Tensor, "out"] | None
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    output_padding: tuple[int, ...]
    groups: int
    dilation: tuple[int, ...]

    @property
    def homogeneous(self) -> bool:
        return self.bias is None

    @property
    def space(self) -> int:
        """The number of dimensions of the kernel."""
        return self.weight.ndim - 2

    @property
    def roundings(self) -> int:
        return self.weight[:, 0].numel() // self.groups + 1

    @property
    def roundings_back(self) -> int:
        return self.weight[0].numel()

    def __call__(self, z: Tensor) -> Tensor:
        return self.spread(z, self.weight, self.bias)

    def absolute(self, z: Tensor) -> Tensor:
        return self.spread(z, self.weight.abs(), None)

    def offset(self, shapes: Sequence[tuple[int, ...]], like: Tensor) -> Tensor:
        ones = (1,) * self.space
        return like.new_zeros(1, 1, *ones) if self.bias is None else self.bias.view(1, -1, *ones)

    def spread(self, z: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """Return the transposed convolution with these weights."""
        geometry = (self.stride, self.padding, self.output_padding, self.groups, self.dilation)
        return FORWARD[self.space](z, weight, bias, *geometry)

    def pull_back(self, rows: Tensor, shapes: Sequence[tuple[int, ...]]) -> tuple[Tensor]:
        geometry = (self.stride, self.padding, self.dilation, self.groups)
        pulled = TRANSPOSE[self.space](rows, self.weight, None, *geometry)
        # An output padding of at least a stride, allowed with dilation, makes room for windows without an input.
        for dim, size in enumerate(shapes[0][1:], start=2):
            pulled = pulled.narrow(dim, 0, size)
        return (pulled,)


@lowers(aten.conv_transpose1d.default, aten.conv_transpose2d.input, aten.conv_transpose3d.input)
def lower_transposed_convolution(
    z: Value,
    weight: Stored,
    bias: Stored | None = None,
    stride: Sequence[int] = (1,),
    padding: Sequence[int] = (0,),
    output_padding: Sequence[int] = (0,),
    groups: int = 1,
    dilation: Sequence[int] = (1,),
    *,
    shape: tuple[int, ...],
) -> Lowered:
    """Lower torch's transposed convolutions."""
    space = len(shape) - 1
    sizes = [tuple(s) * (1 if len(s) == space else space) for s in (stride, padding, output_padding, dilation)]
    stride, padding, output_padding, dilation = sizes
    make = partial(
        TransposedConvolution,
        stride=stride,
        padding=padding,
        output_padding=output_padding,
        groups=groups,
        dilation=dilation,
    )
    return Lowered(make, (z,), (weight, bias))
