"""The loops of `transport_bids` for numba; imported only where it is installed."""

import math

import numpy as np

from hauberk.kernels.compiled_rows import Array, compiled_as_written


@compiled_as_written
def choose(worth: Array, place: int, price: float, offsets: Array, cost: Array, top: Array, second: Array) -> int:
    """Write the two largest worths that a source finds; return the number of the offset of the larger."""
    best, next_best, at = -math.inf, -math.inf, 0
    for o in range(offsets.size):
        value = worth[place + offsets[o]] - price * cost[o]
        if value > best:
            next_best, best, at = best, value, o
        elif value > next_best:
            next_best = value
    top[place] = best
    second[place] = next_best
    return at


@compiled_as_written
def bid(
    first: int,
    last: int,
    values: Array,
    owner: Array,
    mass: Array,
    cap: Array,
    price: Array,
    margin: Array,
    pixels: Array,
    order: Array,
    offsets: Array,
    cost: Array,
    length: int,
    sweeps: int,
    toll: Array,
    changed: Array,
) -> None:
    """Do `transport_bids.bid` for some of the rows."""
    n, window = pixels.size, offsets.size
    worth, weight, load = np.full(length, -math.inf), np.empty(length), np.empty(length)
    top, second, at = np.empty(length), np.empty(length), np.empty(length, np.int64)
    edge, part = np.empty(window), np.empty(window)
    for r in range(first, last):
        e, psi, slack = owner[r], price[r], margin[r]
        most = cap[e] * (1.0 + 1e-12)
        weight[:] = 0.0
        load[:] = 0.0
        for i in range(n):
            worth[pixels[i]] = values[r, i] - toll[r, i]
            weight[pixels[i]] = mass[e, i]
        for i in range(n):
            p = pixels[i]
            if weight[p] > 0.0:
                at[p] = choose(worth, p, psi, offsets, cost, top, second)
                load[p + offsets[at[p]]] += weight[p]
        for step in range(sweeps * n):
            j = order[step % n if (step // n) % 2 == 0 else n - 1 - step % n]
            p = pixels[j]
            if load[p] <= most and toll[r, j] == 0.0:
                continue
            count = 0
            for o in range(window):
                source = p - offsets[o]
                if 0 <= source < length and weight[source] > 0.0:
                    other = second[source] if at[source] == o else top[source]
                    gained = values[r, j] - psi * cost[o] - other
                    if gained > -slack:
                        k = count
                        while k > 0 and edge[k - 1] < gained:
                            edge[k], part[k] = edge[k - 1], part[k - 1]
                            k -= 1
                        edge[k], part[k] = gained, weight[source]
                        count += 1
            total, new = 0.0, 0.0
            for k in range(count):
                total += part[k]
                if total > most:
                    new = max(edge[k] + slack, 0.0)
                    break
            if new != toll[r, j]:
                changed[r] = True
                toll[r, j] = new
                worth[p] = values[r, j] - new
                for o in range(window):
                    source = p - offsets[o]
                    if 0 <= source < length and weight[source] > 0.0:
                        load[source + offsets[at[source]]] -= weight[source]
                        at[source] = choose(worth, source, psi, offsets, cost, top, second)
                        load[source + offsets[at[source]]] += weight[source]
