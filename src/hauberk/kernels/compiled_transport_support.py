"""The loops of `transport_support` for numba; imported only where it is installed."""

import math

import numpy as np

from hauberk.kernels.compiled_rows import Array, compiled_as_written

MOST_STEPS = 60


@compiled_as_written
def worth(gain: Array, mass: Array, count: int, level_cost: Array, price: float, radius: float, out: Array) -> None:
    """Write the dual function of one row at a price, and its slope."""
    total, paid = price * radius, 0.0
    for i in range(count):
        best, at = gain[i, 0], 0.0
        for d in range(1, level_cost.size):
            value = gain[i, d] - price * level_cost[d]
            if value > best:
                best, at = value, level_cost[d]
        total += mass[i] * best
        paid += mass[i] * at
    out[0] = total
    out[1] = radius - paid


@compiled_as_written
def support(
    first: int,
    last: int,
    values: Array,
    owner: Array,
    mass: Array,
    radius: Array,
    pixels: Array,
    offsets: Array,
    levels: Array,
    level_cost: Array,
    length: int,
    out: Array,
) -> None:
    """Do `transport_support.support` for some of the rows: its value and the price at which it is attained."""
    n, kinds = pixels.size, level_cost.size
    padded = np.full(length, -math.inf)
    gain, weight = np.empty((n, kinds)), np.empty(n)
    here, low_end, high_end = np.empty(2), np.empty(2), np.empty(2)
    for r in range(first, last):
        e, finite = owner[r], True
        for i in range(n):
            padded[pixels[i]] = values[r, i]
            finite = finite and math.isfinite(values[r, i])
        if not finite:
            out[r, :] = math.nan
            continue
        count, high = 0, 0.0
        for i in range(n):
            if mass[e, i] > 0.0:
                weight[count] = mass[e, i]
                for d in range(kinds):
                    best = -math.inf
                    for o in range(levels[d], levels[d + 1]):
                        best = max(best, padded[pixels[i] + offsets[o]])
                    gain[count, d] = best
                    if d > 0:
                        high = max(high, (best - gain[count, 0]) / level_cost[d])
                count += 1
        low = 0.0
        worth(gain, weight, count, level_cost, low, radius[e], low_end)
        worth(gain, weight, count, level_cost, high, radius[e], high_end)
        if low_end[1] >= 0.0 or low_end[0] <= high_end[0]:
            out[r, 0], out[r, 1] = low_end[0], low
        else:
            out[r, 0], out[r, 1] = high_end[0], high
        if low_end[1] < 0.0 < high_end[1]:
            for step in range(MOST_STEPS):
                cut = (high_end[0] - low_end[0] + low_end[1] * low - high_end[1] * high) / (low_end[1] - high_end[1])
                least = low_end[0] + low_end[1] * (cut - low)
                if step % 3 == 2 or not low < cut < high:
                    cut = 0.5 * (low + high)
                worth(gain, weight, count, level_cost, cut, radius[e], here)
                if here[0] < out[r, 0]:
                    out[r, 0], out[r, 1] = here[0], cut
                if out[r, 0] - least <= 1e-14 * abs(least) or not low < cut < high:
                    break
                if here[1] < 0.0:
                    low, low_end[0], low_end[1] = cut, here[0], here[1]
                else:
                    high, high_end[0], high_end[1] = cut, here[0], here[1]


@compiled_as_written
def maximisers(
    first: int,
    last: int,
    values: Array,
    owner: Array,
    mass: Array,
    radius: Array,
    price: Array,
    pixels: Array,
    offsets: Array,
    cost: Array,
    places: Array,
    tie: float,
    out: Array,
) -> None:
    """Do `transport_support.maximisers` for some of the rows."""
    n = pixels.size
    padded = np.full(places.size, -math.inf)
    nearest, farthest = np.empty(n, np.int64), np.empty(n, np.int64)
    for r in range(first, last):
        e, finite = owner[r], math.isfinite(price[r])
        for i in range(n):
            padded[pixels[i]] = values[r, i]
            finite = finite and math.isfinite(values[r, i])
        if not finite:
            out[r, :] = math.nan
            continue
        least, most = 0.0, 0.0
        for i in range(n):
            if mass[e, i] > 0.0:
                best = -math.inf
                for o in range(offsets.size):
                    best = max(best, padded[pixels[i] + offsets[o]] - price[r] * cost[o])
                level = best - tie * (abs(best) + price[r])
                nearest[i] = -1
                for o in range(offsets.size):
                    if padded[pixels[i] + offsets[o]] - price[r] * cost[o] >= level:
                        farthest[i] = o
                        if nearest[i] < 0:
                            nearest[i] = o
                least += mass[e, i] * cost[nearest[i]]
                most += mass[e, i] * cost[farthest[i]]
        share = min(max((radius[e] - least) / (most - least), 0.0), 1.0) if most > least else 0.0
        for i in range(n):
            if mass[e, i] > 0.0:
                out[r, places[pixels[i] + offsets[nearest[i]]]] += (1.0 - share) * mass[e, i]
                out[r, places[pixels[i] + offsets[farthest[i]]]] += share * mass[e, i]
