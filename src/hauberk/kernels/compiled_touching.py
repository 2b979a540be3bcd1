"""The loops of `touching` for numba; imported only where it is installed.

The side of a neuron is 0 if it does not count, else the sign of its value minus the nearest point: times 1 if that
point is zero, 2 if it is the lower end, 3 if it is the upper end.
"""

from hauberk.kernels.compiled_rows import Array, compiled


@compiled
def forward(values: Array, upper: Array, low: Array, high: Array, sides: Array, sums: Array) -> None:
    """Write the side of every neuron, and the sum of distances of every row."""
    b, k, n = values.shape
    for i in range(b):
        for r in range(k):
            total = 0.0
            for j in range(n):
                a, c, x = low[i, j], high[i, j], values[i, r, j]
                near_low = abs(x - a) <= abs(x - c)
                off = x - (a if near_low else c) if upper[i, r, j] else x
                kind = (2 if near_low else 3) if upper[i, r, j] else 1
                counts = a < 0 and c > 0
                total += abs(off) if counts else 0.0
                sides[i, r, j] = (kind if off > 0 else (-kind if off < 0 else 0)) if counts else 0
            sums[i, r] = total


@compiled
def backward(sides: Array, grad: Array, grad_values: Array, grad_low: Array, grad_high: Array) -> None:
    """Write the gradient of the values, and add those of the ends to zeros."""
    b, k, n = sides.shape
    for i in range(b):
        for r in range(k):
            g = grad[i, r]
            for j in range(n):
                side = sides[i, r, j]
                signed = g if side > 0 else (-g if side < 0 else grad.dtype.type(0))
                grad_values[i, r, j] = signed
                grad_low[i, j] -= signed if abs(side) == 2 else grad.dtype.type(0)
                grad_high[i, j] -= signed if abs(side) == 3 else grad.dtype.type(0)
