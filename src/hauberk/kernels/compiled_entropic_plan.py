"""The entropic plan of one example at given dual variables, for numba; imported only where it is installed.

A source sends to each place of its window a share in proportion to exp(dual variable - price * cost). Offsets of equal
cost are counted together, so that another price asks for an exponential per cost, not per offset.
"""

import math

import numpy as np

from hauberk.kernels.compiled_exponentials import exponentials
from hauberk.kernels.compiled_rows import Array, compiled

MOST_PRICES = 100


@compiled
def exponentiate(dual: Array, to: Array, levels: Array, shares: Array, top: Array, heap: Array, bits: Array) -> None:
    """Write, for each cost, the largest dual variable, exponentials of all beside it (to `shares`), and their sum."""
    count = to.shape[1]
    for d in range(levels.size - 1):
        top[d] = -math.inf
        for o in range(levels[d], levels[d + 1]):
            for s in range(count):
                shares[o, s] = dual[to[o, s]]
                top[d, s] = max(top[d, s], shares[o, s])
        for o in range(levels[d], levels[d + 1]):
            for s in range(count):
                shares[o, s] -= top[d, s]
    exponentials(shares.reshape(shares.size), bits, bits.view(np.float64))
    for d in range(levels.size - 1):
        heap[d] = 0.0
        for o in range(levels[d], levels[d + 1]):
            for s in range(count):
                heap[d, s] += shares[o, s]


@compiled
def share_out(shares: Array, part: Array, total: Array, levels: Array) -> None:
    """Turn exponentials into shares of each source's mass."""
    for d in range(levels.size - 1):
        for o in range(levels[d], levels[d + 1]):
            for s in range(total.size):
                shares[o, s] *= part[d, s] / total[s]


@compiled
def arrive(shares: Array, weight: Array, to: Array, image: Array) -> None:
    """Write what arrives."""
    image[:] = 0.0
    for o in range(to.shape[0]):
        for s in range(to.shape[1]):
            image[to[o, s]] += weight[s] * shares[o, s]


@compiled
def best_price(
    top: Array,
    heap: Array,
    weight: Array,
    levels: Array,
    cost: Array,
    radius: float,
    slack: float,
    start: float,
    part: Array,
    total: Array,
    moments: Array,
    bits: Array,
) -> float:
    """Return a price at which the plan costs at most the radius: 0, or one that leaves twice the slack's share of it.

    Newton's method on the logarithm of the cost, in a bracket. Writes what `at_price` does.
    """
    low, high, price = -1.0, math.inf, start
    for _ in range(MOST_PRICES):
        at_price(price, top, heap, weight, levels, cost, part, total, moments, bits)
        paid, spread = moments[0], moments[1]
        if paid <= radius:
            high = price
            if price == 0.0 or paid >= radius * (1.0 - 2.0 * slack):
                return price
        else:
            low = price
        if high < math.inf and high - low <= 1e-15 * high:
            break
        ahead = -math.inf
        if paid > 0.0 and spread > 0.0:
            ahead = max(price + math.log(paid / (radius * (1.0 - slack))) * paid / spread, 0.0)
        if high == math.inf:
            price = min(ahead, 4.0 * price + 16.0) if ahead > price else 2.0 * price + 1.0
        else:
            price = ahead if low < ahead < high else max(0.5 * (low + high), 0.0)
    if price != high and high < math.inf:
        at_price(high, top, heap, weight, levels, cost, part, total, moments, bits)
        price = high
    return price


@compiled
def at_price(
    price: float,
    top: Array,
    heap: Array,
    weight: Array,
    levels: Array,
    cost: Array,
    part: Array,
    total: Array,
    moments: Array,
    bits: Array,
) -> None:
    """Write, at a price, each cost's factor and all terms' sum beside the largest one, and the plan's moments.

    Moments are its cost, how fast that falls as the price rises, and the sum of mass * log of the sum of all terms.
    """
    kinds, count = top.shape
    for s in range(count):
        best = top[0, s]
        for d in range(1, kinds):
            best = max(best, top[d, s] - price * cost[levels[d]])
        total[s] = best
        for d in range(kinds):
            part[d, s] = top[d, s] - price * cost[levels[d]] - best
    exponentials(part.reshape(part.size), bits[: part.size], bits[: part.size].view(np.float64))
    paid, spread, logs = 0.0, 0.0, 0.0
    for s in range(count):
        terms, mean, square = 0.0, 0.0, 0.0
        for d in range(kinds):
            term, each = part[d, s] * heap[d, s], cost[levels[d]]
            terms += term
            mean += term * each
            square += term * each * each
        mean /= terms
        paid += weight[s] * mean
        spread += weight[s] * max(square / terms - mean * mean, 0.0)
        logs += weight[s] * (total[s] + math.log(terms))
        total[s] = terms
    moments[0], moments[1], moments[2] = paid, spread, logs
