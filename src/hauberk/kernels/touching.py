"""Distances of unstable neurons from the values at which the lines that bound them touch the ReLU."""

from typing import Any

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hauberk.kernels.rows import COMPILED, arrays


def distances(
    values: Float[Tensor, "b k n"], upper: Bool[Tensor, "b k n"], low: Float[Tensor, "b n"], high: Float[Tensor, "b n"]
) -> Float[Tensor, "b k"]:
    """Return the sum over neurons with low < 0 < high of the distance to 0, or to the nearer end where `upper`.

    The choice of the nearer end counts as constant. Takes one pass over memory each way, where `plain` takes two dozen.
    """
    if values.device.type == "cpu" and COMPILED:
        return Distances.apply(values, upper, low, high)
    return plain(values, upper, low, high)


def plain(values: Tensor, upper: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """Return the same as `distances`, computed with torch's own operations."""
    unstable = (low < 0) & (high > 0)
    to_ends = torch.minimum((values - low[:, None]).abs(), (values - high[:, None]).abs())
    return (torch.where(upper, to_ends, values.abs()) * unstable[:, None]).sum(2)


class Distances(torch.autograd.Function):
    """The compiled twin of `plain`, with its gradient."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, upper: Tensor, low: Tensor, high: Tensor) -> Tensor:
        from hauberk.kernels import compiled_touching

        sides = torch.empty(values.shape, dtype=torch.int8)
        sums = values.new_empty(values.shape[:2])
        compiled_touching.forward(*arrays(values, upper, low, high), sides.numpy(), sums.numpy())
        ctx.save_for_backward(sides, low)
        return sums

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        from hauberk.kernels import compiled_touching

        sides, low = ctx.saved_tensors
        grad_values, grad_low, grad_high = grad.new_empty(sides.shape), torch.zeros_like(low), torch.zeros_like(low)
        outputs = (grad_values.numpy(), grad_low.numpy(), grad_high.numpy())
        compiled_touching.backward(*arrays(sides, grad), *outputs)
        return grad_values, None, grad_low, grad_high
