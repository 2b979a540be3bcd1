"""Gradients with respect to inputs alone, which CPUs find faster this way than torch's own.

The transposed convolution of a network's first layer costs torch's CPU code more than all else of a backward pass: one
matrix product and a walk over memory do the same. And weights with channels last make every result have them last, so
that neither that product nor the next convolution has to reorder what it reads.
"""

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from hauberk.kernels.fold import fold

FEW = 4
"""Up to so many input channels the matrix product is faster."""


class InputGradients(TorchFunctionMode):
    """While it is on, convolutions on a CPU give gradients to their inputs alone, none to their weights.

    Only for gradients that are asked for with respect to the input: `torch.autograd.grad(loss, x)`.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.conv2d:
            return convolved(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def convolved(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the convolution, with the backward pass that is fastest for its input."""
    here = input.device.type == "cpu" and not torch.is_autocast_enabled("cpu")
    if not (here and input.requires_grad and input.ndim == 4):
        return F.conv2d(input, weight, bias, stride, padding, dilation, groups)
    weight = weight.detach().clone(memory_format=torch.channels_last)  # one channel looks like either
    bias = None if bias is None else bias.detach()
    if weight.shape[1] > FEW or groups > 1 or isinstance(padding, str):
        return F.conv2d(input, weight, bias, stride, padding, dilation, groups)
    geometry = [tuple(size) if isinstance(size, tuple | list) else (size,) for size in (stride, padding, dilation)]
    return cast(Tensor, FewChannels.apply(input, weight, bias, *(size * (2 // len(size)) for size in geometry)))


class FewChannels(torch.autograd.Function):
    """A convolution whose transpose is a matrix product, folded."""

    @staticmethod
    def forward(
        ctx: Any,
        input: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        stride: tuple[int, int],
        padding: tuple[int, int],
        dilation: tuple[int, int],
    ) -> Tensor:
        ctx.save_for_backward(weight)
        ctx.size, ctx.geometry = input.shape[2:], (stride, padding, dilation)
        return F.conv2d(input, weight, bias, stride, padding, dilation)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        (weight,) = ctx.saved_tensors
        columns = grad.movedim(1, -1).flatten(1, 2) @ weight.flatten(1)
        return fold(columns, ctx.size, weight.shape[2:], *ctx.geometry), None, None, None, None, None
