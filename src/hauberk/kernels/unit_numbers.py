"""Numbers uniform in the open unit interval, in one pass over memory: the same bits on every device.

Number j of row r is the upper part of the word `mixed(keys[r] + (j + 1) * GOLDEN)`, with as many bits as its type keeps
apart in the interval.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.kernels.noise import TRITON
from hauberk.kernels.rows import COMPILED
from hauberk.kernels.splitmix import GOLDEN, mixed
from hauberk.kernels.threads import in_threads

BLOCK = 1 << 18
"""The words that `plain` computes at a time: they take several times the memory of the result."""
GRAIN = 16
"""Rows that are worth a thread."""


def unit_numbers(keys: Int[Tensor, "r"], count: int, dtype: torch.dtype) -> Float[Tensor, "r count"]:
    """Return `count` numbers for every key, by the compiled loop or kernel where it serves."""
    if keys.device.type == "cuda" and dtype == torch.float32 and TRITON:
        from hauberk.kernels import triton_noise

        return triton_noise.unit_numbers(keys, count)
    if keys.device.type == "cpu" and dtype in (torch.float32, torch.float64) and COMPILED:
        from hauberk.kernels import compiled_noise

        loop = compiled_noise.unit_singles if dtype == torch.float32 else compiled_noise.unit_doubles
        out = torch.empty(len(keys), count, dtype=dtype)
        in_threads(loop, len(keys), keys.contiguous().numpy(), out.numpy(), grain=GRAIN)
        return out
    return plain(keys, count, dtype)


def plain(keys: Int[Tensor, "r"], count: int, dtype: torch.dtype) -> Float[Tensor, "r count"]:
    """Return the same as `unit_numbers`, computed with torch's own operations."""
    size = round(-math.log2(torch.finfo(dtype).eps))
    drawn = torch.empty(len(keys), count, dtype=dtype, device=keys.device)
    block = max(1, BLOCK // max(1, len(keys)))
    for start in range(0, count, block):
        end = min(start + block, count)
        words = mixed(keys[:, None] + torch.arange(start + 1, end + 1, device=keys.device) * GOLDEN)
        drawn[:, start:end] = (words >> (64 - size)) & ((1 << size) - 1)
    return drawn.add_(0.5).mul_(2.0**-size)
