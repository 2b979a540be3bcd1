"""The loops of `sinkhorn` for numba; imported only where it is installed.

Of an example, only pixels with mass (sources) and the places in their windows (targets) take part. Tables over windows
have an offset a row and a source a column, so that loops over sources are vectorised.
"""

import math

import numpy as np

from hauberk.kernels.compiled_entropic_plan import arrive, best_price, exponentiate, share_out
from hauberk.kernels.compiled_newton import leaning, newton_step
from hauberk.kernels.compiled_rows import Array, compiled

NOWHERE = -1e200
"""The dual variable of places outside the image, which are one more target."""
EASY, NEAR, FACTOR, LEAST_STRIDE = 30.0, 1e-3, 4.0, 1e-6
"""As in `plain_sinkhorn`."""


@compiled
def sinkhorn(
    first: int,
    last: int,
    wanted: Array,
    mass: Array,
    radius: Array,
    sharpness: float,
    tolerance: float,
    most: int,
    pixels: Array,
    offsets: Array,
    levels: Array,
    cost: Array,
    places: Array,
    plan: Array,
    dual: Array,
    report: Array,
) -> None:
    """Do `sinkhorn.sinkhorn` for some of the examples, whose plans come as those at rest."""
    n, window = pixels.size, offsets.size
    inside = np.zeros(places.size, np.bool_)
    inside[pixels] = True
    sources, targets, slot = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(places.size, np.int64)
    for e in range(first, last):
        count, reached = 0, 0
        slot[:] = -1
        for i in range(n):
            if mass[e, i] > 0.0 and radius[e] > 0.0:
                sources[count] = i
                count += 1
                for o in range(window):
                    place = pixels[i] + offsets[o]
                    if inside[place] and slot[place] < 0:
                        slot[place] = reached
                        targets[reached] = place
                        reached += 1
        if count == 0:
            continue
        weight, goal, found = np.empty(count), np.zeros(reached + 1), np.zeros(reached + 1)
        to = np.empty((window, count), np.int64)
        for s in range(count):
            weight[s] = mass[e, sources[s]]
            for o in range(window):
                to[o, s] = slot[pixels[sources[s]] + offsets[o]]
                if to[o, s] < 0:
                    to[o, s] = reached
        known = True
        for j in range(reached):
            goal[j] = wanted[e, targets[j]]
            known = known and math.isfinite(goal[j])
        if not known:
            plan[e] = math.nan
            continue
        found[reached] = NOWHERE
        shares = np.empty((window, count))
        search(goal, weight, to, found, shares, radius[e], sharpness, tolerance, most, levels, cost, report[e])
        for j in range(reached):
            dual[e, places[targets[j]]] = found[j]
        for s in range(count):
            for o in range(window):
                plan[e, sources[s], o] = weight[s] * shares[o, s]


@compiled
def search(
    goal: Array,
    weight: Array,
    to: Array,
    dual: Array,
    shares: Array,
    radius: float,
    final: float,
    tolerance: float,
    most: int,
    levels: Array,
    cost: Array,
    report: Array,
) -> None:
    """Find one example's dual variables and shares; report the price, the duality gap, its scale and the rounds."""
    window, count = to.shape
    kinds, m = levels.size - 1, goal.size - 1
    bits = np.empty(window * count, np.int64)
    top, heap, part = np.empty((kinds, count)), np.empty((kinds, count)), np.empty((kinds, count))
    image, slope, lean, before, step = np.empty((5, m + 1))
    total, mean, moments, work = np.empty(count), np.empty(count), np.empty(3), np.empty((4, m + 1))
    step[:] = 0.0
    price, stride, fall, reach = 1.0, 1.0, 0.0, 0.0
    for j in range(m):
        reach = max(reach, abs(goal[j]))
    sharpness = EASY / reach if final * reach > EASY else final
    for number in range(most + 1):
        if number == most and sharpness < final:
            rescale(dual, final / sharpness)
            price *= final / sharpness
            sharpness = final
        exponentiate(dual, to, levels, shares, top, heap, bits)
        price = best_price(top, heap, weight, levels, cost, radius, 0.05 * tolerance, price, part, total, moments, bits)
        share_out(shares, part, total, levels)
        arrive(shares, weight, to, image)
        steep, apart, size, ahead, entropy = 0.0, 0.0, 0.0, 0.0, moments[2] + price * moments[0]
        for j in range(m):
            slope[j] = dual[j] / sharpness - goal[j] + image[j]
            steep += slope[j] * slope[j]
            apart += (goal[j] - image[j]) ** 2
            size += goal[j] ** 2 + image[j] ** 2
            ahead += slope[j] * step[j]
            entropy -= image[j] * dual[j]
        gap = 0.5 * sharpness * steep + price * (radius - moments[0])
        scale = 0.5 * sharpness * apart + max(entropy, 0.0)
        report[0], report[1], report[2], report[3] = price, gap, scale, number
        enough = max((tolerance if sharpness == final else NEAR) * scale, 2.0**-102 * sharpness * size)
        if number == most or (gap <= enough and sharpness == final):
            break
        if gap <= enough:
            ratio = min(FACTOR, final / sharpness)
            sharpness = final if ratio < FACTOR else sharpness * ratio
            rescale(dual, ratio)
            price *= ratio
            fall, stride = 0.0, 0.0
        elif ahead > 0.5 * fall and stride > LEAST_STRIDE:
            stride *= max(fall / (fall + ahead), 0.1)
            for j in range(m):
                dual[j] = before[j] + stride * step[j]
        else:
            spread = moments[1] if price > 0.0 else 0.0
            leaning(shares, to, weight, part, heap, total, levels, cost, mean, lean)
            accuracy = min(0.3, math.sqrt(gap / scale)) if scale > 0.0 else 0.3
            newton_step(shares, to, weight, image, slope, lean, spread, 1.0 / sharpness, accuracy, step, work)
            fall, stride = 0.0, 1.0
            for j in range(m):
                fall -= slope[j] * step[j]
                before[j] = dual[j]
                dual[j] += step[j]


@compiled
def rescale(dual: Array, ratio: float) -> None:
    """Multiply dual variables inside the image."""
    for j in range(dual.size - 1):
        dual[j] *= ratio
