"""Gradients with respect to inputs, several times faster for convolutions that read few channels.

The transposed convolution of a network's first layer costs torch's CPU code more than all else of a backward pass. One
matrix product and a walk over memory do the same.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from hauberk.kernels.fold import fold

FEW = 4
"""Up to so many input channels the matrix product is faster."""


class InputGradients(TorchFunctionMode):
    """While it is on, convolutions of few channels give gradients to their inputs alone, none to their weights.

    Only for gradients that are asked for with respect to the input: `torch.autograd.grad(loss, x)`.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.conv2d and suits(*args, **(kwargs or {})):
            return FewChannels.apply(*completed(*args, **(kwargs or {})))
        return func(*args, **(kwargs or {}))


def suits(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> bool:
    """Return whether the matrix product is the faster way here."""
    few = weight.shape[1] <= FEW and groups == 1 and not isinstance(padding, str)
    plain = input.ndim == 4 and input.device.type == "cpu" and not torch.is_autocast_enabled("cpu")
    return few and plain and input.requires_grad


def completed(
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> tuple[Any, ...]:
    """Return the arguments, each geometry as a pair."""
    pairs = (
        tuple(size) * (2 // len(size)) if isinstance(size, tuple | list) else (size, size)
        for size in (stride, padding, dilation)
    )
    return input, weight, bias, *pairs


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
