"""Mean and variance of a batch, which several processes may share."""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor
from torch.overrides import TorchFunctionMode

Total = Callable[[Tensor], Tensor]
"""A differentiable sum over processes."""

SHARED: ContextVar[Total | None] = ContextVar("SHARED", default=None)


def batch_statistics(z: Float[Tensor, "b c *s"]) -> tuple[Float[Tensor, "c"], Float[Tensor, "c"], Float[Tensor, ""]]:
    """Return each channel's mean, biased variance and number of elements, over all processes while they share."""
    total, dims = SHARED.get(), [i for i in range(z.ndim) if i != 1]
    count = z.new_full((1,), z.numel() // z.shape[1])
    if total is None:
        variance, mean = torch.var_mean(z, dims, correction=0)
        return mean, variance, count[0]
    sums, count = total(torch.cat([z.sum(dims), count])).split([z.shape[1], 1])
    mean = sums / count
    distance = z - mean.view(-1, *(1,) * (z.ndim - 2))
    return mean, total(distance.square().sum(dims)) / count, count[0]


def batch_mean(z: Float[Tensor, "b c *s"]) -> Float[Tensor, "c"]:
    """Return each channel's mean, over all processes while they share."""
    total, dims = SHARED.get(), [i for i in range(z.ndim) if i != 1]
    if total is None:
        return z.mean(dims)
    sums, count = total(torch.cat([z.sum(dims), z.new_full((1,), z.numel() // z.shape[1])])).split([z.shape[1], 1])
    return sums / count


def move(running: Tensor, now: Tensor, momentum: float) -> None:
    """Update a running statistic with that of a batch."""
    running.lerp_(now.detach().to(running.dtype), momentum)


class SharedStatistics(TorchFunctionMode):
    """A mode in which batch norm, in training, uses the statistics of the whole batch over all processes.

    Every process must make the same passes.

    Args:
        total: the sum of a tensor over all processes.
    """

    def __init__(self, total: Total) -> None:
        super().__init__()
        self.total = total

    def __enter__(self) -> "SharedStatistics":
        self.token = SHARED.set(self.total)
        super().__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        SHARED.reset(self.token)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.batch_norm:
            return normalised(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def normalised(
    input: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """Return the batch norm, by `batch_statistics` in training mode; running statistics are updated as in torch."""
    if not training:
        return F.batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    mean, variance, count = batch_statistics(input.float() if input.dtype.itemsize < 4 else input)
    with torch.no_grad():
        if running_mean is not None and running_var is not None:
            move(running_mean, mean, momentum)
            move(running_var, variance * (count / (count - 1).clamp(min=1)), momentum)
    scale = torch.rsqrt(variance + eps)
    scale = scale if weight is None else scale * weight
    shift = -mean * scale if bias is None else bias - mean * scale
    shape = (-1, *(1,) * (input.ndim - 2))
    return (input * scale.view(shape) + shift.view(shape)).to(input.dtype)
