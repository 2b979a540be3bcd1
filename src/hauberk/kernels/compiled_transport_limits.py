"""The loop of `sets.transport_limits.within_cap` for numba; imported only where it is installed."""

import numpy as np

from hauberk.kernels.compiled_rows import Array, compiled_as_written


@compiled_as_written
def arrivals(plan: Array, mass: Array, pixels: Array, offsets: Array, full: Array) -> None:
    """Write the image that one plan makes."""
    full[:] = 0.0
    for i in range(pixels.size):
        if mass[i] > 0.0:
            for o in range(offsets.size):
                full[pixels[i] + offsets[o]] += plan[i, o]


@compiled_as_written
def keep(plan: Array, mass: float) -> None:
    """Let all of a pixel's mass stay that is not sent elsewhere; no more is sent than there is."""
    sent = 0.0
    for o in range(1, plan.size):
        sent += plan[o]
    if sent > mass:
        for o in range(1, plan.size):
            plan[o] *= mass / sent
        sent = 0.0
        for o in range(1, plan.size):
            sent += plan[o]
    plan[0] = max(mass - sent, 0.0)


@compiled_as_written
def within_cap(
    first: int,
    last: int,
    plan: Array,
    mass: Array,
    cap: Array,
    pixels: Array,
    offsets: Array,
    length: int,
    rounds: int,
) -> None:
    """Do `sets.transport_limits.within_cap` for some of the examples, in place."""
    n, window = pixels.size, offsets.size
    full, share = np.empty(length), np.empty(length)
    for e in range(first, last):
        over = True
        for _ in range(rounds):
            arrivals(plan[e], mass[e], pixels, offsets, full)
            over = False
            share[:] = 1.0
            for i in range(n):
                j = pixels[i]
                if full[j] > cap[e]:
                    over = True
                    stay = plan[e, i, 0]
                    share[j] = min(max((cap[e] - stay) / max(full[j] - stay, 1e-300), 0.0), 1.0) * (1.0 - 1e-14)
            if not over:
                break
            for i in range(n):
                if mass[e, i] > 0.0:
                    for o in range(1, window):
                        plan[e, i, o] *= share[pixels[i] + offsets[o]]
                    keep(plan[e, i], mass[e, i])
        if over:
            arrivals(plan[e], mass[e], pixels, offsets, full)
            room = 1.0
            for i in range(n):
                j = pixels[i]
                if full[j] > cap[e]:
                    room = min(room, max((cap[e] - mass[e, i]) / (full[j] - mass[e, i]), 0.0))
            for i in range(n):
                if mass[e, i] > 0.0:
                    for o in range(1, window):
                        plan[e, i, o] *= room
                    keep(plan[e, i], mass[e, i])
