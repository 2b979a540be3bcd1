"""The share of neurons that are active on one side of a pair and not on the other, relaxed to have a slope."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


def disagreement(values: Float[Tensor, "n *z"], pairs: int, alpha: float) -> Float[Tensor, "p"]:
    """Return the mean over neurons of |tanh(alpha a) - tanh(alpha b)| / 2 for each of the pairs that end the batch.

    The last 2 * pairs rows are compared, the first half of them with the second. A third of the walks over memory that
    the plain twin and its gradient take.
    """
    return Disagreement.apply(values, pairs, alpha)  # pyright: ignore[reportReturnType]


def plain(values: Tensor, pairs: int, alpha: float) -> Tensor:
    """The same by torch's own gradients."""
    first, second = torch.tanh(alpha * values[-2 * pairs :]).flatten(1).chunk(2)
    return (first - second).abs().mean(1) / 2


class Disagreement(torch.autograd.Function):
    """The twin of `plain` that knows its gradient."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, pairs: int, alpha: float) -> Tensor:
        soft = values[-2 * pairs :].mul(alpha).tanh_()
        first, second = soft.chunk(2)
        off = first - second
        ctx.save_for_backward(soft, off.sgn())
        ctx.rows, ctx.alpha = len(values), alpha
        return off.abs_().flatten(1).mean(1) / 2

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        soft, sign = ctx.saved_tensors
        pairs = len(sign)
        found = soft.new_empty(ctx.rows, *soft.shape[1:])
        found[: -2 * pairs].zero_()
        slope = torch.mul(soft, soft, out=found[-2 * pairs :]).neg_().add_(1)
        scale = grad * (ctx.alpha * 0.5 / sign[0].numel())
        sign = sign * scale.view(-1, *[1] * (sign.ndim - 1))
        first, second = slope.chunk(2)
        first.mul_(sign)
        second.mul_(sign.neg_())
        return found, None, None
