"""The loops of `levels` for numba; imported only where it is installed."""

import math

import numpy as np

from hauberk.kernels.compiled_rows import Array, compiled, compiled_as_written

TINY = 2.2250738585072014e-308
MOST_STEPS = 100


@compiled
def multiplier_of_row(a: Array, room: Array, radius: float) -> float:
    """Return `levels.multiplier` of one row."""
    most = TINY
    for j in range(a.size):
        most = max(most, a[j])
    total = 0.0
    for j in range(a.size):
        share = a[j] / most
        total += share * share
    t = radius / max(math.sqrt(total), TINY)
    while True:
        full, slope, scale = 0.0, 0.0, t / most
        for j in range(a.size):
            used_up = scale * a[j] >= room[j]
            size = room[j] if used_up else a[j] / most
            full += size * size if used_up else 0.0
            slope += 0.0 if used_up else size * size
        ahead = math.sqrt(max(radius * radius - full, 0.0) / max(slope, TINY))
        if not ahead > t:
            return t
        t = ahead


@compiled
def threshold_of_row(size: Array, room: Array, radius: float) -> float:
    """Return `levels.threshold` of one row."""
    low, high, t = 0.0, 0.0, 0.0
    for j in range(size.size):
        high = max(high, size[j])
    for _ in range(MOST_STEPS):
        value, moving = 0.0, 0.0
        for j in range(size.size):
            above = size[j] - t
            value += min(max(above, 0.0), room[j])
            moving += 1.0 if 0.0 < above < room[j] else 0.0
        excess = value - radius
        if abs(excess) <= 1e-15 * radius or (excess <= 0.0 and t == 0.0):
            break
        if excess > 0.0:
            low = t
        else:
            high = t
        ahead = t + excess / max(moving, 1.0)
        if not (low < ahead < high and moving > 0.0):
            ahead = 0.5 * (low + high)
        t = ahead
    return t


@compiled
def multiplier(a: Array, room: Array, radius: Array, out: Array) -> None:
    """Write `levels.multiplier` of every row to `out`."""
    for r in range(len(a)):
        out[r] = multiplier_of_row(a[r], room[r], radius[r])


@compiled
def threshold(size: Array, room: Array, radius: Array, out: Array) -> None:
    """Write `levels.threshold` of every row to `out`."""
    for r in range(len(size)):
        out[r] = threshold_of_row(size[r], room[r], radius[r])


@compiled_as_written
def project(
    z: Array, start: Array, radius: Array, low: float, high: float, euclidean: bool, slack: float, out: Array
) -> None:
    """Write `levels.project` of every row to `out`."""
    rows, n = z.shape
    size, room = np.empty(n), np.empty(n)
    for r in range(rows):
        total, inside = 0.0, True
        for j in range(n):
            offset = np.float64(z[r, j]) - np.float64(start[r, j])
            size[j] = abs(offset)
            space = high - start[r, j] if offset >= 0.0 else start[r, j] - low
            room[j] = min(np.float64(space), np.float64(radius[r]))
            total += offset * offset if euclidean else size[j]
            inside = inside and low <= z[r, j] <= high
        # Another order of summation may put points on the sphere outside: points this close to it move inwards, too.
        if inside and (math.sqrt(total) if euclidean else total) <= np.float64(radius[r]) * (1.0 - 0.5 * slack):
            out[r] = z[r]
            continue
        most = TINY
        for j in range(n):
            most = max(most, size[j])
        if euclidean:
            t = min(multiplier_of_row(size, room, radius[r]), most) / most
        else:
            t = threshold_of_row(size, room, radius[r])
        length = 0.0
        for j in range(n):
            left = t * size[j] if euclidean else max(size[j] - t, 0.0)
            size[j] = min(left, room[j])
            length += size[j] * size[j] if euclidean else size[j]
        length = max(math.sqrt(length) if euclidean else length, TINY)
        scale = min(np.float64(radius[r]) * (1.0 - slack) / length, 1.0)
        for j in range(n):
            move = size[j] * scale
            begin = np.float64(start[r, j])
            out[r, j] = begin + move if z[r, j] >= start[r, j] else begin - move
            if abs(np.float64(out[r, j]) - begin) > move:
                out[r, j] = np.nextafter(out[r, j], start[r, j])
            out[r, j] = min(max(out[r, j], low), high)
