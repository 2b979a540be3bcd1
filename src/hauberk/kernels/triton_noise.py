"""Random numbers, and rows plus them, on GPUs, in one pass over memory; imported only where triton is."""
# pyright: reportMissingImports=false

from inspect import unwrap
from typing import Any

import torch
import triton
import triton.language as tl
from jaxtyping import Float32, Int64
from torch import Tensor

GOLDEN, MIX_1, MIX_2 = map(tl.constexpr, (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
BLOCK = 512
"""Words of a program."""
STEP, TURN, SINGLE = map(tl.constexpr, (2.0**-31, 3.141592653589793 * 2.0**-31, 2.0**-23))


def kernel(loop: Any) -> Any:
    """Compile the function itself, without any wrapper that a runtime type checker may have added."""
    return triton.jit(unwrap(loop))


@kernel
def words(keys, i):
    """Return the upper 31 and the lower 32 bits of words of the program's row."""
    key = tl.load(keys + tl.program_id(0)).to(tl.uint64, bitcast=True)
    v = key + (i + 1).to(tl.uint64) * GOLDEN
    v = (v ^ (v >> 30)) * MIX_1
    v = (v ^ (v >> 27)) * MIX_2
    v = v ^ (v >> 31)
    return (v >> 33).to(tl.int64), (v & 0xFFFFFFFF).to(tl.int64)


@kernel
def places(image, d, half, BLOCK: tl.constexpr):
    """Return the indices of the program's words, and where the first row of their numbers is read and written."""
    row = tl.program_id(0).to(tl.int64)
    i = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    return i, tl.load(image + row) * d, row * d


@kernel
def write_gaussian(x, image, keys, out, scale, d, half, BLOCK: tl.constexpr):
    """Write rows of x plus normal numbers, two for every word."""
    i, source, goal = places(image, d, half, BLOCK)
    high, low = words(keys, i)
    size = scale * tl.sqrt(-2.0 * tl.log((high.to(tl.float32) + 0.5) * STEP))
    angle = low.to(tl.float32) * TURN
    first, second = i < half, half + i < d
    tl.store(out + goal + i, tl.load(x + source + i, first, 0.0) + size * tl.cos(angle), first)
    tl.store(out + goal + half + i, tl.load(x + source + half + i, second, 0.0) + size * tl.sin(angle), second)


@kernel
def write_uniform(x, image, keys, out, scale, d, half, BLOCK: tl.constexpr):
    """Write rows of x plus uniform numbers, two for every word."""
    i, source, goal = places(image, d, half, BLOCK)
    high, low = words(keys, i)
    first, second = i < half, half + i < d
    one = scale * ((high.to(tl.float32) + 0.5) * STEP * 2.0 - 1.0)
    two = scale * (((low >> 1).to(tl.float32) + 0.5) * STEP * 2.0 - 1.0)
    tl.store(out + goal + i, tl.load(x + source + i, first, 0.0) + one, first)
    tl.store(out + goal + half + i, tl.load(x + source + half + i, second, 0.0) + two, second)


@kernel
def write_unit(keys, out, d, BLOCK: tl.constexpr):
    """Write numbers uniform between 0 and 1, one for every word."""
    i = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    high, _ = words(keys, i)
    tl.store(out + tl.program_id(0).to(tl.int64) * d + i, ((high >> 8).to(tl.float32) + 0.5) * SINGLE, i < d)


LOOPS = {"gaussian": write_gaussian, "uniform": write_uniform}


def drawn(
    loop: str, x: Float32[Tensor, "e d"], image: Int64[Tensor, "r"], keys: Int64[Tensor, "r"], scale: float
) -> Float32[Tensor, "r d"]:
    """Return rows of x plus scaled noise, by the kernel of that name."""
    x, image, keys = x.detach().contiguous(), image.contiguous(), keys.contiguous()
    d = x.shape[1]
    half = triton.cdiv(d, 2)
    out = torch.empty(len(image), d, dtype=x.dtype, device=x.device)
    if out.numel():
        LOOPS[loop][(len(image), triton.cdiv(half, BLOCK))](x, image, keys, out, scale, d, half, BLOCK=BLOCK)
    return out


def unit_numbers(keys: Int64[Tensor, "r"], count: int) -> Float32[Tensor, "r count"]:
    """Return numbers uniform between 0 and 1, `count` for every key."""
    out = torch.empty(len(keys), count, dtype=torch.float32, device=keys.device)
    if out.numel():
        write_unit[(len(keys), triton.cdiv(count, BLOCK))](keys.contiguous(), out, count, BLOCK=BLOCK)
    return out
