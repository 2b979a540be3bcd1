"""The step of projections through a relaxed node, in one pass over memory instead of several.

Block b holds k rows of n numbers. Every row is multiplied by the slopes of its block, and new noise of its block's size
is added.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.kernels.rows import COMPILED, arrays


def relax_blocks(
    blocks: Float[Tensor, "b k n"],
    slope: Float[Tensor, "b n"],
    drawn: Float[Tensor, "b1 k n"],
    half: Float[Tensor, "b n"],
) -> Float[Tensor, "b k n"]:
    """Return blocks * slope + drawn * half; all blocks may share one draw. Gradients reach all but `drawn`."""
    if blocks.device.type == "cpu" and COMPILED:
        return RelaxBlocks.apply(blocks, slope, drawn, half)
    return plain(blocks, slope, drawn, half)


def plain(blocks: Tensor, slope: Tensor, drawn: Tensor, half: Tensor) -> Tensor:
    """Return the same as `relax_blocks`, computed with torch's own operations."""
    return torch.addcmul(blocks * slope.unsqueeze(1), drawn, half.unsqueeze(1))


class RelaxBlocks(torch.autograd.Function):
    """The compiled twin of `plain`, with its gradient."""

    @staticmethod
    def forward(ctx: Any, blocks: Tensor, slope: Tensor, drawn: Tensor, half: Tensor) -> Tensor:
        from hauberk.kernels.compiled_blocks import forward

        ctx.save_for_backward(blocks, slope, drawn)
        out = torch.empty(blocks.shape, dtype=blocks.dtype)
        forward(*arrays(blocks, slope, drawn, half), out.numpy())
        return out

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, None, Tensor]:
        from hauberk.kernels.compiled_blocks import backward

        grad = grad.contiguous()
        blocks, slope, drawn = ctx.saved_tensors
        grad_blocks, grad_slope, grad_half = torch.empty_like(grad), torch.zeros_like(slope), torch.zeros_like(slope)
        results = (grad_blocks, grad_slope, grad_half)
        backward(*arrays(blocks, slope, drawn, grad), *(t.numpy() for t in results))
        return grad_blocks, grad_slope, None, grad_half
