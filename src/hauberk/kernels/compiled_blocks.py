"""Loops over blocks of projections for numba; imported only where it is installed."""

from hauberk.kernels.compiled_rows import Array, compiled


@compiled
def forward(blocks: Array, slope: Array, drawn: Array, half: Array, out: Array) -> None:
    """Write blocks * slope + drawn * half to `out`."""
    count, rows, n = blocks.shape
    for b in range(count):
        shared = b if len(drawn) > 1 else 0
        for k in range(rows):
            for j in range(n):
                out[b, k, j] = blocks[b, k, j] * slope[b, j] + drawn[shared, k, j] * half[b, j]


@compiled
def backward(
    blocks: Array,
    slope: Array,
    drawn: Array,
    grad: Array,
    grad_blocks: Array,
    grad_slope: Array,
    grad_half: Array,
) -> None:
    """Write the gradient of the blocks, and add those of `slope` and `half` to zeros."""
    count, rows, n = blocks.shape
    for b in range(count):
        shared = b if len(drawn) > 1 else 0
        for k in range(rows):
            for j in range(n):
                g = grad[b, k, j]
                grad_blocks[b, k, j] = g * slope[b, j]
                grad_slope[b, j] += g * blocks[b, k, j]
                grad_half[b, j] += g * drawn[shared, k, j]
