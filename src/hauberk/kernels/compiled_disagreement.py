"""The loops of `disagreement` for numba; imported only where it is installed."""

from hauberk.kernels.compiled_rows import Array, compiled


@compiled
def forward(soft: Array, sums: Array) -> None:
    """Write the sums of |first - second|, and replace the values by its slopes, without their common factor."""
    pairs, n = soft.shape[0] // 2, soft.shape[1]
    zero, one = soft.dtype.type(0), soft.dtype.type(1)
    for i in range(pairs):
        total = 0.0
        for j in range(n):
            a, b = soft[i, j], soft[pairs + i, j]
            total += abs(a - b)
            sign = one if a > b else (-one if a < b else zero)
            soft[i, j] = sign * (one - a * a)
            soft[pairs + i, j] = sign * (b * b - one)
        sums[i] = total


@compiled
def backward(slope: Array, scale: Array, out: Array) -> None:
    """Write scale * slope to the last rows of `out`, and zeros to the others."""
    rows, n = slope.shape
    first, pairs = len(out) - rows, rows // 2
    for i in range(first):
        for j in range(n):
            out[i, j] = 0
    for i in range(rows):
        g = scale[i % pairs]
        for j in range(n):
            out[first + i, j] = g * slope[i, j]
