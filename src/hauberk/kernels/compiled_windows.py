"""The loop of `windows` for numba; imported only where it is installed."""

import math

import numpy as np

from hauberk.kernels.compiled_rows import Array, compiled


@compiled
def swap(
    z: Array,
    start: Array,
    radius: Array,
    low: float,
    high: float,
    euclidean: bool,
    cancelled: float,
    bump: Array,
    drawn: Array,
    out: Array,
) -> None:
    """Write `windows.swap` of every image to `out`."""
    rows, channels, height, width = z.shape
    side, free = len(bump), np.float64(height - len(bump) + 1)
    shape = np.empty((side, side))
    across = np.float64(width - side + 1)
    for r in range(rows):
        top, left = int(drawn[r, 0] * free), int(drawn[r, 1] * across)
        above, beside = int(drawn[r, 2] * free), int(drawn[r, 3] * across)
        turned = drawn[r, 4] < 0.5
        out[r] = z[r]
        held = 0.0
        for c in range(channels):
            for i in range(height):
                for j in range(width):
                    held += power(np.float64(z[r, c, i, j]) - np.float64(start[r, c, i, j]), euclidean)
            for i in range(above, above + side):
                for j in range(beside, beside + side):
                    out[r, c, i, j] = start[r, c, i, j]
        whole = np.float64(radius[r])
        unused = (power(whole, euclidean) - held) / channels
        for c in range(channels):
            size, freed = 0.0, 0.0
            for i in range(side):
                for j in range(side):
                    row, column = top + i, left + j
                    offset = np.float64(z[r, c, row, column]) - np.float64(start[r, c, row, column])
                    shape[i, j] = offset
                    size += power(offset, euclidean)
                    there = np.float64(z[r, c, above + i, beside + j]) - np.float64(start[r, c, above + i, beside + j])
                    freed += power(there, euclidean)
                    both = above <= row < above + side and beside <= column < beside + side
                    freed += 0.0 if both else power(offset, euclidean)
            size = max(root(size, euclidean), 1e-300)
            sign = -1.0 if drawn[r, 5 + c] < 0.5 else 1.0
            length = 0.0
            for i in range(side):
                for j in range(side):
                    shape[i, j] = shape[i, j] / size + sign * (bump[j, i] if turned else bump[i, j])
                    length += power(shape[i, j], euclidean)
            length = root(length, euclidean)
            if not length > cancelled:
                length = 0.0
                for i in range(side):
                    for j in range(side):
                        shape[i, j] = sign * (bump[j, i] if turned else bump[i, j])
                        length += power(shape[i, j], euclidean)
                length = root(length, euclidean)
            scale = root(max(freed + unused, 0.0), euclidean) / max(length, 1e-12)
            for i in range(side):
                for j in range(side):
                    value = np.float64(start[r, c, top + i, left + j]) + shape[i, j] * scale
                    out[r, c, top + i, left + j] = min(max(value, low), high)


@compiled
def fill(z: Array, lower: Array, upper: Array, side: int, drawn: Array, out: Array) -> None:
    """Write `windows.fill` of every image to `out`."""
    rows, channels, height, width = z.shape
    free, across = np.float32(height - side + 1), np.float32(width - side + 1)
    for r in range(rows):
        top, left = int(drawn[r, 0] * free), int(drawn[r, 1] * across)
        out[r] = z[r]
        for c in range(channels):
            end = lower[r, c] if drawn[r, 2 + c] < 0.5 else upper[r, c]
            out[r, c, top : top + side, left : left + side] = end[top : top + side, left : left + side]


@compiled
def power(value: float, euclidean: bool) -> float:
    """Return the square of a value, or its absolute value for the l_1 norm."""
    return value * value if euclidean else abs(value)


@compiled
def root(value: float, euclidean: bool) -> float:
    """Return the norm that a sum of powers belongs to."""
    return math.sqrt(value) if euclidean else value
