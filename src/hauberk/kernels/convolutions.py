"""Convolutions with faster backward passes on CPUs than torch's own.

In torch's CPU code, the transposed convolution of a network's first layer costs more than the rest of a backward pass;
a matrix product and a pass over memory do the same. Channels-last weights also make every result channels-last, so that
neither that product nor the next convolution has to reorder its input.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, cast

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.overrides import TorchFunctionMode

from hauberk.kernels.fold import fold
from hauberk.kernels.host import on_host

FEW = 4
"""The number of input channels up to which the matrix product can be faster."""

MANY = 6
"""The number of filters per input channel from which it is, at stride 1; below, its pass over memory is too long."""

Pair = tuple[int, int]


def fast_convolutions(like: Tensor, *, weights: bool) -> AbstractContextManager[object]:
    """Return the mode where convolutions run on a CPU, as those of `like` do; elsewhere torch's own are fastest."""
    return FastConvolutions(weights=weights) if on_host(like) else nullcontext()


def folds(weight: Float[Tensor, "out in_per_group *kernel"], stride: Sequence[int], groups: int = 1) -> bool:
    """Return True if a matrix product and a fold transpose this two-dimensional convolution fastest on a CPU."""
    out, channels = weight.shape[:2]
    return weight.ndim == 4 and groups == 1 and channels <= FEW and (max(stride) > 1 or out >= MANY * channels)


class FastConvolutions(TorchFunctionMode):
    """A mode in which convolutions on a CPU prepare for a fast backward pass.

    Args:
        weights: True to compute gradients with respect to weights; otherwise convolutions propagate gradients to their
            inputs only, as needed for `torch.autograd.grad(loss, x)`.
    """

    def __init__(self, *, weights: bool) -> None:
        super().__init__()
        self.weights = weights

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.conv2d:
            return convolved(self.weights, *args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def convolved(
    weights: bool,
    input: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> Tensor:
    """Return the convolution, with the fastest backward pass for its input."""
    wanted = torch.is_grad_enabled() and (input.requires_grad or (weights and weight.requires_grad))
    here = input.device.type == "cpu" and not torch.is_autocast_enabled("cpu")
    here = here and input.dtype in (torch.float32, torch.float64)  # half precision has no such kernels
    if not (wanted and here and input.ndim == 4):
        return F.conv2d(input, weight, bias, stride, padding, dilation, groups)
    if not weights:
        weight, bias = weight.detach(), None if bias is None else bias.detach()
    weight = weight.clone(memory_format=torch.channels_last)  # with one channel, both formats look alike
    geometry = [tuple(size) if isinstance(size, tuple | list) else (size,) for size in (stride, padding, dilation)]
    if not input.requires_grad or isinstance(padding, str) or not folds(weight, geometry[0], groups):
        return F.conv2d(input, weight, bias, stride, padding, dilation, groups)
    return cast(Tensor, FewChannels.apply(input, weight, bias, *(size * (2 // len(size)) for size in geometry)))


class FewChannels(torch.autograd.Function):
    """A convolution whose transpose is a folded matrix product."""

    @staticmethod
    def forward(
        ctx: Any, input: Tensor, weight: Tensor, bias: Tensor | None, stride: Pair, padding: Pair, dilation: Pair
    ) -> Tensor:
        ctx.save_for_backward(input, weight)
        ctx.geometry = (stride, padding, dilation)
        return F.conv2d(input, weight, bias, stride, padding, dilation)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        input, weight = ctx.saved_tensors
        columns = grad.movedim(1, -1).flatten(1, 2) @ weight.flatten(1)
        found = [fold(columns, input.shape[2:], weight.shape[2:], *ctx.geometry), None, None]
        wanted = [False, *ctx.needs_input_grad[1:3]]
        if any(wanted):
            rest = (grad, input, weight, [len(weight)], *ctx.geometry, False, (0, 0), 1)
            _, *found[1:] = torch.ops.aten.convolution_backward(*rest, wanted)
        return *found, None, None, None
