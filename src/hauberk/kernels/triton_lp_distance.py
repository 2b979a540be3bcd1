"""The l_p distances between all rows of two matrices, and their gradients, on GPUs; imported only where triton is.

No tensor of all differences is formed: every program walks along the summed axis with one tile of results in registers.
The exponent p lives on the device and the host never reads it: kernels load it, and return if it is not of their kind.
"""
# pyright: reportMissingImports=false

from inspect import unwrap
from typing import Any

import torch
import triton
import triton.language as tl
from jaxtyping import Float32, Int32
from torch import Tensor
from triton.language.extra import libdevice

PROGRAMS = 264  # tiles shrink until there are so many: two for each multiprocessor of a large GPU
INF, TINY, ALL = tl.constexpr(float("inf")), tl.constexpr(2.0**-126), tl.constexpr(tl.PropagateNan.ALL)
BLOCK, UNROLLED, PAIRS, SIDE, TALL, WIDE = map(tl.constexpr, (32, 8, 128, 64, 8, 16))
"""Indices of a block and of a step, pairs of a program, longest side of a tile, threads along its axes (4 warps)."""
INTERPRETED = tl.constexpr(triton.knobs.runtime.interpret)

X = Float32[Tensor, "b i"]
W = Float32[Tensor, "o i"]
U = Float32[Tensor, "b o"]
Where = Int32[Tensor, "b o"]


def kernel(loop: Any) -> Any:
    """Compile the function itself, without any wrapper that a runtime type checker may have added."""
    return triton.jit(unwrap(loop))


@kernel
def log2(t):
    """Take one instruction, off by 2^-22 at most for what is near 1; tl.log2 takes some 25."""
    return tl.log2(t) if INTERPRETED else libdevice.fast_log2f(t)


@kernel
def along(AXIS: tl.constexpr, SIZE: tl.constexpr):
    """Return a tile's rows (axis 0) or columns (axis 1). Tiles are (own rows, own columns, threads, threads)."""
    # Triton deals the last axes out to the threads, so each loads itself the few numbers that its results need.
    THREADS: tl.constexpr = WIDE if AXIS else TALL
    order = (tl.arange(0, SIZE // THREADS) * THREADS)[:, None] + tl.arange(0, THREADS)[None, :]
    return order[None, :, None, :] if AXIS else order[:, None, :, None]


@kernel
def starts(panels, AXIS: tl.constexpr, depth, SIZE: tl.constexpr):
    """Return the places of the first numbers of the tile's rows or columns; the next ones are `SIZE` further."""
    return panels + tl.program_id(AXIS).to(tl.int64) * depth * SIZE + along(AXIS, SIZE)


@kernel
def tile_offsets(b, o, M: tl.constexpr, N: tl.constexpr):
    """Return the offsets of the tile in a (b, o) matrix, and which of them exist."""
    r, c = tl.program_id(0) * M + along(0, M), tl.program_id(1) * N + along(1, N)
    return r.to(tl.int64) * o + c, (r < b) & (c < o)


@kernel
def write_maxima(x, w, u_at, where_at, b, o, depth, PLACES: tl.constexpr, M: tl.constexpr, N: tl.constexpr):
    """Write the largest |x - w|; and, if places are wanted, the start of the block of indices where it is first."""
    x, w = starts(x, 0, depth, M), starts(w, 1, depth, N)
    most = tl.zeros((M // TALL, N // WIDE, TALL, WIDE), tl.float32)
    where = most.to(tl.int32)
    for start in range(0, depth, BLOCK):
        before = most
        for i in range(start, tl.minimum(start + BLOCK, depth), UNROLLED):
            for j in tl.static_range(UNROLLED):
                most = tl.maximum(most, tl.abs(tl.load(x + i * M + j * M) - tl.load(w + i * N + j * N)), ALL)
        if PLACES:  # compared as integers, NaN is the largest
            where = tl.where(most.to(tl.int32, bitcast=True) > before.to(tl.int32, bitcast=True), start, where)
    offsets, inside = tile_offsets(b, o, M, N)
    tl.store(u_at + offsets, most, inside)
    if PLACES:
        tl.store(where_at + offsets, where, inside)


@kernel
def write_norms(x, w, p_at, u_at, b, o, depth, M: tl.constexpr, N: tl.constexpr):
    """Replace the maxima by the norms, unless p is infinite: differences are divided by the maximum first."""
    p = tl.load(p_at)
    x, w = starts(x, 0, depth, M), starts(w, 1, depth, N)
    if p != INF:
        offsets, inside = tile_offsets(b, o, M, N)
        most = tl.load(u_at + offsets, inside, other=1.0)
        scale, total = 1 / tl.maximum(most, TINY), tl.zeros_like(most)
        if p == 8:
            for i in range(0, depth, UNROLLED):
                for j in tl.static_range(UNROLLED):
                    t = (tl.load(x + i * M + j * M) - tl.load(w + i * N + j * N)) * scale
                    square = t * t
                    total = tl.fma(square * square, square * square, total)
        else:
            for i in range(0, depth, UNROLLED):
                for j in tl.static_range(UNROLLED):
                    t = tl.abs(tl.load(x + i * M + j * M) - tl.load(w + i * N + j * N)) * scale
                    total += tl.exp2(p * log2(t))
        # Infinity stays: this maximum drops the NaN that has come of it, unless both are NaN.
        tl.store(u_at + offsets, tl.maximum(most, most * tl.exp2(tl.log2(total) / p)), inside)


@kernel
def write_first(x, w, p_at, u_at, where_at, o, depth):
    """Find the first maximum in its block, if p is infinite: i, or ~i unless x > w there."""
    if tl.load(p_at) == INF:
        row, column = tl.program_id(0).to(tl.int64), tl.program_id(1) * PAIRS + tl.arange(0, PAIRS)
        inside = column < o
        u = tl.load(u_at + row * o + column, inside, other=0.0)[:, None]
        i = tl.load(where_at + row * o + column, inside, other=0)[:, None] + tl.arange(0, BLOCK)[None, :]
        known = inside[:, None] & (i < depth)
        a = tl.load(x + row * depth + i, known, other=0.0)
        c = tl.load(w + column[:, None].to(tl.int64) * depth + i, known, other=0.0)
        found = known & ((tl.abs(a - c) == u) | (u != u) & (a - c != a - c))
        first = tl.min(tl.where(found, 2 * i + tl.where(a > c, 0, 1), 2 * depth - 1), 1)
        tl.store(where_at + row * o + column, (first >> 1) ^ -(first & 1), inside)


@kernel
def write_sums(a, c, p_at, scale, grad, out, m, n, depth, M: tl.constexpr, N: tl.constexpr):
    """Write the sums over the rows of c of grad * sign(a - c) * |(a - c) * scale|^(p - 1), or 0 if p is infinite."""
    p = tl.load(p_at)
    offsets, inside = tile_offsets(m, n, M, N)
    own = tl.load(a + offsets, inside, other=0.0)
    c, scale, grad = starts(c, 1, depth, N), starts(scale, 0, depth, M), starts(grad, 0, depth, M)
    total = tl.zeros_like(own)
    if p == 8:
        for i in range(0, depth, UNROLLED):
            for j in tl.static_range(UNROLLED):
                t = (own - tl.load(c + i * N + j * N)) * tl.load(scale + i * M + j * M)
                square = t * t
                total = tl.fma(tl.load(grad + i * M + j * M) * t, square * square * square, total)
    elif p != INF:
        for i in range(0, depth, UNROLLED):
            for j in tl.static_range(UNROLLED):
                t = (own - tl.load(c + i * N + j * N)) * tl.load(scale + i * M + j * M)
                power = tl.exp2((p - 2) * log2(tl.maximum(tl.abs(t), TINY)))  # times t is 0 at 0, for all p >= 1
                total = tl.fma(tl.load(grad + i * M + j * M) * t, power, total)
    tl.store(out + offsets, total, inside)


@kernel
def add_at_maxima(p_at, u_at, where_at, grad_at, dx, dw, o, depth):
    """Add the gradients at the maxima, if p is infinite; NaN where the distance is not finite."""
    if tl.load(p_at) == INF:
        row, column = tl.program_id(0).to(tl.int64), tl.program_id(1) * PAIRS + tl.arange(0, PAIRS)
        inside = column < o
        u = tl.load(u_at + row * o + column, inside, other=0.0)
        where = tl.load(where_at + row * o + column, inside, other=0)
        grad = tl.load(grad_at + row * o + column, inside, other=0.0) + (u - u)
        grad, i = tl.where(where < 0, -grad, grad), tl.where(where < 0, ~where, where)
        tl.atomic_add(dx + row * depth + i, grad, inside & (i < depth), sem="relaxed")
        tl.atomic_add(dw + column.to(tl.int64) * depth + i, -grad, inside & (i < depth), sem="relaxed")


def tile(m: int, n: int) -> tuple[tuple[int, int], dict[str, int]]:
    """Return the grid of an (m, n) result, and the sizes of its tiles."""
    M, N = SIDE.value, min(SIDE.value, max(WIDE.value, triton.next_power_of_2(n)))
    while TALL.value < M and (m <= M // 2 or triton.cdiv(m, M) * triton.cdiv(n, N) < PROGRAMS):
        M //= 2
    return (triton.cdiv(m, M), triton.cdiv(n, N)), {"M": M, "N": N}


def panels(values: Float32[Tensor, "n i"], count: int, size: int) -> Float32[Tensor, "count depth size"]:
    """Return the rows in panels of `size`, transposed and padded with zeros: all strides of a loop are constants."""
    n, i = values.shape
    depth = triton.cdiv(i, UNROLLED.value) * UNROLLED.value
    if (n, i) != (count * size, depth):  # torch.nn.functional.pad refuses what is empty
        values, own = values.new_zeros(count * size, depth), values
        values[:n, :i] = own
    return values.view(count, size, depth).transpose(1, 2).contiguous()


def forward(x: X, w: W, p: Float32[Tensor, ""], places: bool = True) -> tuple[U, Int32[Tensor, "..."]]:
    """Return the distances; and, if wanted and p is infinite, the first maxima's places: i if x > w there, else ~i."""
    (b, i), o, x, w = x.shape, len(w), x.contiguous(), w.contiguous()
    u, (grid, sizes) = x.new_empty(b, o), tile(b, o)
    where = torch.empty_like(u if places else u[:0], dtype=torch.int32)
    a, c = panels(x, grid[0], sizes["M"]), panels(w, grid[1], sizes["N"])
    with torch.cuda.device_of(x):
        write_maxima[grid](a, c, u, where, b, o, a.shape[1], places, **sizes)
        write_norms[grid](a, c, p, u, b, o, a.shape[1], **sizes)
        if places:
            write_first[b, triton.cdiv(o, PAIRS.value)](x, w, p, u, where, o, i)
    return u, where


def backward(x: X, w: W, p: Float32[Tensor, ""], u: U, where: Where, grad: U) -> tuple[X, W]:
    """Return the gradients; at infinity they are at the first maxima alone, added in no fixed order."""
    (b, i), o, x, w, grad = x.shape, len(w), x.contiguous(), w.contiguous(), grad.contiguous()
    scale, dx, dw = u.clamp(min=TINY.value).reciprocal(), torch.empty_like(x), torch.empty_like(w)
    with torch.cuda.device_of(x):
        for a, c, s, g, out in ((x, w, scale, grad, dx), (w, x, scale.T, grad.T, dw)):
            grid, sizes = tile(len(a), i)
            c, (s, g) = panels(c.T, grid[1], sizes["N"]), (panels(t, grid[0], sizes["M"]) for t in (s, g))
            write_sums[grid](a, c, p, s, g, out, len(a), i, c.shape[1], **sizes)
        add_at_maxima[b, triton.cdiv(o, PAIRS.value)](p, u, where, grad, dx, dw, o, i)
    return dx, dw
