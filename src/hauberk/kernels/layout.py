"""Memory layouts of maps: channel by channel, or all channels of a pixel together.

Convolutions are fastest with the second ("channels last"), and return it; operands of element-wise products should
agree, or memory is accessed with large strides.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


def channels_last(t: Tensor, batch: int = 1) -> bool:
    """Return True if the batch dimensions are followed by maps (c, h, w) stored as (h, w, c)."""
    return t.ndim == batch + 3 and not t.is_contiguous() and t.movedim(-3, -1).is_contiguous()


def in_order(t: Tensor, last: bool, batch: int = 1) -> Float[Tensor, "*batch n"]:
    """Return t with the dimensions after the batch flattened into one, channels last or first."""
    return (t.movedim(-3, -1) if last else t).flatten(batch)


def from_order(t: Float[Tensor, "*batch n"], shape: tuple[int, ...], last: bool) -> Tensor:
    """Undo `in_order`; `shape` is the value's, without batch dimensions."""
    if not last:
        return t.unflatten(-1, shape)
    return t.unflatten(-1, (*shape[1:], shape[0])).movedim(-1, -3)


def lay_out(network: nn.Module, format: torch.memory_format) -> list[nn.Module]:
    """Store the kernels of two-dimensional convolutions in this format, from which their results inherit it.

    Returns the layers whose kernels were in another one.
    """
    changed = []
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and not module.weight.is_contiguous(memory_format=format):
            module.weight.data = module.weight.data.contiguous(memory_format=format)
            changed.append(module)
    return changed
