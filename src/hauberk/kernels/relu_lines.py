"""The lines around ReLUs on intervals, in one pass over memory instead of a dozen."""

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.kernels.rows import COMPILED
from hauberk.kernels.threads import in_threads

GRAIN = 1 << 16
"""Numbers that are worth a thread."""


def relu_lines(
    lower: Float[Tensor, "b *z"], upper: Float[Tensor, "b *z"]
) -> tuple[Float[Tensor, "b *z"], Float[Tensor, "b *z"], Float[Tensor, "b *z"]]:
    """Return slope and intercept of the chord over each interval, and the slope of the line below with least area.

    Where an interval does not have zero inside, both lines are the ReLU itself. Gradients pass to the ends.
    """
    recorded = torch.is_grad_enabled() and (lower.requires_grad or upper.requires_grad)
    here = COMPILED and lower.device.type == "cpu" and lower.dtype in (torch.float32, torch.float64)
    if recorded or not here or not alike(lower, upper):
        return plain(lower, upper)
    from hauberk.kernels.compiled_relu import lines

    slope, intercept, below = torch.empty_like(lower), torch.empty_like(lower), torch.empty_like(lower)
    tensors = (lower, upper, slope, intercept, below)
    flat = (t.detach().as_strided((t.numel(),), (1,), t.storage_offset()).numpy() for t in tensors)
    in_threads(lines, lower.numel(), *flat, grain=GRAIN)
    return slope, intercept, below


def plain(lower: Tensor, upper: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the same as `relu_lines`, computed with torch's own operations."""
    low, high = lower.clamp(max=0), upper.clamp(min=0)
    slope = high / torch.where(high > low, high - low, 1)
    flat = (upper > -lower).to(slope)
    return slope, -low * slope, torch.where((lower < 0) & (upper > 0), flat, slope)


def alike(one: Tensor, other: Tensor) -> bool:
    """Return whether two tensors lie in memory in one order, without gaps."""
    last = one.ndim == 4 and one.is_contiguous(memory_format=torch.channels_last)
    return (last or one.is_contiguous()) and one.stride() == other.stride()
