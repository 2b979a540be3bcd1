"""The loops of `transport` for numba; imported only where it is installed."""

import math

import numpy as np

from hauberk.kernels.compiled_rows import Array, compiled_as_written


@compiled_as_written
def shift_row(
    plan: Array, arrived: Array, target: Array, weight: Array, mass: float, base: int, offsets: Array, work: Array
) -> None:
    """Give one pixel's mass to its window as is best while all others' plans stay."""
    level = -math.inf
    for o in range(offsets.size):
        place = base + offsets[o]
        work[1, o] = target[place] - arrived[place] + plan[o] - work[0, o] / weight[place]
        level = max(level, weight[place] * (work[1, o] - mass))
    for _ in range(offsets.size):
        total, slope = 0.0, 0.0
        for o in range(offsets.size):
            place = base + offsets[o]
            if work[1, o] * weight[place] > level:
                total += work[1, o]
                slope += 1.0 / weight[place]
        ahead = (total - mass) / slope if slope > 0.0 else level
        if not ahead > level:
            break
        level = ahead
    for o in range(offsets.size):
        place = base + offsets[o]
        sent = max(work[1, o] - level / weight[place], 0.0)
        if sent != plan[o]:
            arrived[place] += sent - plan[o]
            plan[o] = sent


@compiled_as_written
def descend(
    first: int,
    last: int,
    plan: Array,
    arrived: Array,
    excess: Array,
    wanted: Array,
    mass: Array,
    cap: Array,
    price: Array,
    stiffness: Array,
    pixels: Array,
    order: Array,
    offsets: Array,
    cost: Array,
    passes: int,
) -> None:
    """Do `transport.descend` for some of the examples."""
    window = offsets.size
    work = np.empty((2, window))
    target, weight = np.empty(wanted.shape[1]), np.ones(wanted.shape[1])
    before = np.empty(plan.shape[1:])
    for e in range(first, last):
        for o in range(window):
            work[0, o] = price[e] * cost[o]
        stiff = stiffness[e]
        target[:] = wanted[e]
        weight[:] = 1.0
        pace = 1.0
        for number in range(passes):
            if number:
                ahead = (1.0 + math.sqrt(1.0 + 4.0 * pace * pace)) / 2.0
                share, pace = (pace - 1.0) / ahead, ahead
                arrived[e, :] = 0.0
                for i in range(order.size):
                    if mass[e, i] > 0.0:
                        total = 0.0
                        for o in range(window):
                            sent = plan[e, i, o]
                            further = max(sent + share * (sent - before[i, o]), 0.0)
                            before[i, o] = sent
                            plan[e, i, o] = further
                            total += further
                        scale = mass[e, i] / total if total > 0.0 else 0.0  # mass below the digits of what is wanted
                        for o in range(window):
                            plan[e, i, o] *= scale
                            arrived[e, pixels[i] + offsets[o]] += plan[e, i, o]
            else:
                before[:, :] = plan[e]
            if cap[e] < math.inf:
                for i in range(pixels.size):
                    j = pixels[i]
                    full = arrived[e, j] + excess[e, j] / stiff > cap[e]
                    weight[j] = 1.0 + stiff if full else 1.0
                    target[j] = (wanted[e, j] + stiff * cap[e] - excess[e, j]) / weight[j] if full else wanted[e, j]
            for step in range(2 * order.size):
                i = order[step if step < order.size else 2 * order.size - 1 - step]
                if mass[e, i] > 0.0:
                    shift_row(plan[e, i], arrived[e], target, weight, mass[e, i], pixels[i], offsets, work)
            if cap[e] < math.inf and number == passes - 1:
                for i in range(pixels.size):
                    j = pixels[i]
                    excess[e, j] = max(excess[e, j] + stiff * (arrived[e, j] - cap[e]), 0.0)


@compiled_as_written
def priced(
    first: int,
    last: int,
    plan: Array,
    value: Array,
    mass: Array,
    price: Array,
    pixels: Array,
    offsets: Array,
    cost: Array,
    out: Array,
) -> None:
    """Do `transport.priced` for some of the examples."""
    for e in range(first, last):
        paid, best_of_all = 0.0, 0.0
        for i in range(pixels.size):
            if mass[e, i] > 0.0:
                best = -math.inf
                for o in range(offsets.size):
                    paid += plan[e, i, o] * cost[o]
                    best = max(best, value[e, pixels[i] + offsets[o]] - price[e] * cost[o])
                best_of_all += mass[e, i] * (best - value[e, pixels[i]])
        out[e, 0] = paid
        out[e, 1] = best_of_all
