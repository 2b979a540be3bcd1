"""The transpose of cutting a map into windows: overlapping windows are added up."""

from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hauberk.kernels.rows import COMPILED, arrays

Pair = tuple[int, ...]


def fold(
    columns: Float[Tensor, "r p ckk"], size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> Float[Tensor, "r c h w"]:
    """Return maps of this size from the windows at every place, each an array (c, *kernel)."""
    if columns.device.type == "cpu" and COMPILED:
        return Fold.apply(columns, size, kernel, stride, padding, dilation)
    return plain(columns, size, kernel, stride, padding, dilation)


def plain(columns: Tensor, size: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair) -> Tensor:
    """Return the same as `fold`, computed with torch's own operations."""
    return F.fold(columns.mT, size, kernel, dilation, padding, stride)


class Fold(torch.autograd.Function):
    """The compiled twin of `plain`, with its gradient."""

    @staticmethod
    def forward(ctx: Any, columns: Tensor, size: Pair, *geometry: Pair) -> Tensor:
        from hauberk.kernels.compiled_fold import forward

        ctx.geometry = kernel, stride, padding, dilation = geometry
        channels = columns.shape[2] // (kernel[0] * kernel[1])
        out = columns.new_empty(len(columns), channels, *size)
        places = [(n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in zip(size, *geometry, strict=True)]
        windows = columns.reshape(len(columns), *places, channels, *kernel)
        forward(*arrays(windows), *stride, *padding, *dilation, out.numpy())
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        kernel, stride, padding, dilation = ctx.geometry
        return F.unfold(grad, kernel, dilation, padding, stride).mT, None, None, None, None, None
