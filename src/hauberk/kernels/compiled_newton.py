"""Newton's step for the dual variables of an entropic plan, for numba; imported only where it is installed."""

from hauberk.kernels.compiled_rows import Array, compiled

MOST_STEPS = 200


@compiled
def leaning(
    shares: Array,
    to: Array,
    weight: Array,
    part: Array,
    heap: Array,
    total: Array,
    levels: Array,
    cost: Array,
    mean: Array,
    lean: Array,
) -> None:
    """Write how the slope changes with the price, and each source's mean cost."""
    mean[:] = 0.0
    for d in range(1, levels.size - 1):
        for s in range(mean.size):
            mean[s] += part[d, s] * heap[d, s] / total[s] * cost[levels[d]]
    lean[:] = 0.0
    for o in range(to.shape[0]):
        for s in range(mean.size):
            lean[to[o, s]] -= weight[s] * shares[o, s] * (cost[o] - mean[s])


@compiled
def newton_step(
    shares: Array,
    to: Array,
    weight: Array,
    image: Array,
    slope: Array,
    lean: Array,
    spread: float,
    least: float,
    accuracy: float,
    step: Array,
    work: Array,
) -> None:
    """Write the step that leaves at most this part of the slope, by conjugate gradients.

    The dual function's curvature is `least` plus the covariance of where mass arrives, less what the price, which
    follows, takes up.

    Args:
        shares: each source's shares of the places in its window.
        to: the targets at these places.
        weight: the sources' mass.
        image: what arrives.
        slope: the slope at the dual variables.
        lean: how the slope changes with the price.
        spread: the curvature in the price; 0 if it does not move.
        least: the curvature's part that does not depend on the plan.
        accuracy: the part of the slope that may be left.
        step: the step.
        work: room for four vectors.
    """
    m = slope.size - 1
    scale, left, ahead, bent = work[0], work[1], work[2], work[3]
    scale[:] = 0.0
    for o in range(to.shape[0]):
        for s in range(to.shape[1]):
            scale[to[o, s]] += weight[s] * shares[o, s] * shares[o, s]
    size = 0.0
    for j in range(m):
        scale[j] = 1.0 / (least + max(image[j] - scale[j], 0.0))
        step[j], left[j] = 0.0, -slope[j]
        ahead[j] = scale[j] * left[j]
        size += left[j] * ahead[j]
    ahead[m] = 0.0
    first = size
    for _ in range(MOST_STEPS):
        if not size > accuracy * accuracy * first:
            break
        bend(shares, to, weight, image, lean, spread, least, ahead, bent)
        curve = 0.0
        for j in range(m):
            curve += ahead[j] * bent[j]
        if not curve > 0.0:
            break
        length, old = size / curve, size
        size = 0.0
        for j in range(m):
            step[j] += length * ahead[j]
            left[j] -= length * bent[j]
            size += scale[j] * left[j] * left[j]
        for j in range(m):
            ahead[j] = scale[j] * left[j] + size / old * ahead[j]


@compiled
def bend(
    shares: Array,
    to: Array,
    weight: Array,
    image: Array,
    lean: Array,
    spread: float,
    least: float,
    ahead: Array,
    out: Array,
) -> None:
    """Write the curvature times a vector."""
    m = image.size - 1
    along = 0.0
    for j in range(m):
        out[j] = (least + image[j]) * ahead[j]
        along += lean[j] * ahead[j]
    if spread > 0.0:
        for j in range(m):
            out[j] -= lean[j] * along / spread
    for s in range(to.shape[1]):
        mean = 0.0
        for o in range(to.shape[0]):
            mean += shares[o, s] * ahead[to[o, s]]
        mean *= weight[s]
        for o in range(to.shape[0]):
            out[to[o, s]] -= shares[o, s] * mean
