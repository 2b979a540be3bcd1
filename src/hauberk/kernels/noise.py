"""Rows plus random numbers, drawn and added in one pass over memory.

Row r of the result is row `image[r]` of x plus numbers that are a pure function of `keys[r]` and their position. They
are the same on all devices up to the rounding of logarithms and sines.
"""

import math
from collections.abc import Callable
from importlib.util import find_spec

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.kernels.rows import COMPILED
from hauberk.kernels.splitmix import GOLDEN, mixed
from hauberk.kernels.threads import in_threads

TRITON = find_spec("triton") is not None
"""True if CUDA tensors go to Triton's kernels; the plain functions compute the same."""
GRAIN = 16
"""Rows that are worth a thread."""


def with_gaussian(
    x: Float[Tensor, "e d"], image: Int[Tensor, "r"], keys: Int[Tensor, "r"], sigma: float
) -> Float[Tensor, "r d"]:
    """Return rows of x plus independent normal numbers with standard deviation sigma.

    Pairs of numbers come from words of 64 bits (Box & Muller 1958): none is larger than 6.7 sigma.
    """
    return drawn("gaussian", plain_gaussian, x, image, keys, sigma)


def with_uniform(
    x: Float[Tensor, "e d"], image: Int[Tensor, "r"], keys: Int[Tensor, "r"], reach: float
) -> Float[Tensor, "r d"]:
    """Return rows of x plus independent numbers uniform between -reach and reach."""
    return drawn("uniform", plain_uniform, x, image, keys, reach)


Plain = Callable[[Tensor, int, torch.dtype], Tensor]


def drawn(loop: str, plain: Plain, x: Tensor, image: Tensor, keys: Tensor, scale: float) -> Tensor:
    """Return rows of x plus scaled noise, by the compiled loop or kernel of that name where it serves."""
    if x.device.type == "cuda" and x.dtype == torch.float32 and TRITON:
        from hauberk.kernels import triton_noise

        return triton_noise.drawn(loop, x, image, keys, scale)
    if x.device.type == "cpu" and x.dtype == torch.float32 and COMPILED:
        from hauberk.kernels import compiled_noise

        out = x.new_empty(len(image), x.shape[1])
        arrays = (table.detach().contiguous().numpy() for table in (x, image, keys))
        in_threads(getattr(compiled_noise, loop), len(image), *arrays, scale, out.numpy(), grain=GRAIN)
        return out
    wide = torch.promote_types(x.dtype, torch.float32)  # half precision cannot hold the words' bits
    return (x[image] + scale * plain(keys, x.shape[1], wide)).to(x.dtype)


def halves(keys: Int[Tensor, "r"], d: int) -> tuple[Tensor, Tensor]:
    """Return the upper 31 and the lower 32 bits of the words of rows of d numbers, two numbers a word."""
    words = mixed(keys[:, None] + torch.arange(1, math.ceil(d / 2) + 1, device=keys.device) * GOLDEN)
    return (words >> 33) & 0x7FFFFFFF, words & 0xFFFFFFFF


def plain_gaussian(keys: Int[Tensor, "r"], d: int, dtype: torch.dtype) -> Float[Tensor, "r d"]:
    """Return the normal numbers of `with_gaussian`, of standard deviation 1, computed with torch's own operations."""
    high, low = halves(keys, d)
    size = torch.sqrt(-2 * torch.log((high.float() + 0.5).mul(2.0**-31).to(dtype)))
    angle = low.to(dtype) * (math.pi * 2.0**-31)
    return torch.cat([size * angle.cos(), size * angle.sin()], 1)[:, :d]


def plain_uniform(keys: Int[Tensor, "r"], d: int, dtype: torch.dtype) -> Float[Tensor, "r d"]:
    """Return the numbers of `with_uniform` for a reach of 1, computed with torch's own operations."""
    high, low = halves(keys, d)
    return (torch.cat([high, low >> 1], 1)[:, :d].to(dtype) + 0.5) * 2.0**-30 - 1
