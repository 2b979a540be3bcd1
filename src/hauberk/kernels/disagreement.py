"""A differentiable relaxation of the share of neurons that are active for only one input of a pair."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.kernels.rows import COMPILED, arrays


def disagreement(values: Float[Tensor, "n *z"], pairs: int, alpha: float) -> Float[Tensor, "p"]:
    """Return the mean over neurons of |tanh(alpha a) - tanh(alpha b)| / 2 for each of the pairs that end the batch.

    The last 2 * pairs rows are compared, the first half of them with the second. Besides the tanh, it takes one pass
    over memory each way, where `plain` takes a dozen.
    """
    if values.device.type == "cpu" and COMPILED:
        return Disagreement.apply(values, pairs, alpha)
    return plain(values, pairs, alpha)


def plain(values: Tensor, pairs: int, alpha: float) -> Tensor:
    """Return the same as `disagreement`, computed with torch's own operations."""
    first, second = torch.tanh(alpha * values[-2 * pairs :]).flatten(1).chunk(2)
    return (first - second).abs().mean(1) / 2


class Disagreement(torch.autograd.Function):
    """The compiled twin of `plain`, with its gradient."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, pairs: int, alpha: float) -> Tensor:
        from hauberk.kernels import compiled_disagreement

        slope = values[-2 * pairs :].mul(alpha).tanh_().flatten(1)
        sums = slope.new_empty(pairs)
        compiled_disagreement.forward(slope.numpy(), sums.numpy())
        ctx.save_for_backward(slope)
        ctx.shape, ctx.factor = values.shape, 0.5 * alpha / slope.shape[1]
        return sums / (2 * slope.shape[1])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        from hauberk.kernels import compiled_disagreement

        (slope,) = ctx.saved_tensors
        found = slope.new_empty(ctx.shape)
        compiled_disagreement.backward(*arrays(slope, ctx.factor * grad), found.view(ctx.shape[0], -1).numpy())
        return found, None, None
