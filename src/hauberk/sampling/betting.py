"""Bounds of a probability that hold at all times at once, so that sampling may stop whenever it likes.

A gambler starts with capital 1 and bets on every vote, at odds that are fair if its probability is m. Whatever the
stakes, the chance that the capital ever reaches 1/alpha is at most alpha if the probability is m (Ville 1939). Here
the gambler splits the capital among all q > m, and leaves what belongs to q <= m in the pocket; the part for q is
worth (q/m)^hits ((1-q)/(1-m))^misses. If the probability is at most m, no part can gain on average. A part's worth
never grows with m below hits/samples, and above it nothing is gained: so all m with a capital of 1/alpha or more form
an interval from 0, and the probability lies above it for ever but for a chance of alpha.

Sources: Robbins 1970 (mixtures), Waudby-Smith & Ramdas 2024 (betting).
"""

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaln, xlog1py, xlogy

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Split = tuple[float, float]
SURE = 0.2
"""The share of the capital that bets on a probability of 1: most votes for a trained network are unanimous."""
NEAR_ONE, NEAR_ZERO = (0.5, 0.2), (0.2, 0.5)
"""Beta distributions that the rest is split by, with much of their mass close to 1, or to 0. Any would be valid."""


def capital(hits: Counts, samples: Counts, m: Floats, split: Split = NEAR_ONE) -> Floats:
    """Return the logarithms of the capital won against each probability m; shapes are broadcast.

    Where it is log(1/alpha) or more, the probability of a hit is above m, but for a chance of alpha over all times.
    Where hits are at most m of the samples, nothing is won, and 0 stands for what is left.
    """
    a, b = split
    misses = samples - hits
    fair = xlogy(hits, m) + xlog1py(misses, -m)
    with np.errstate(divide="ignore", invalid="ignore"):
        beyond = np.log(betainc(misses + b, hits + a, 1 - m))
        won = betaln(hits + a, misses + b) - betaln(a, b) + beyond - fair
        sure = np.where(misses == 0, -fair, -np.inf)
        parts = [np.log1p(-SURE) + won, np.log(SURE) + sure, np.log1p(-SURE) + np.log(betainc(a, b, m))]
        return np.where(hits > m * samples, np.logaddexp.reduce(np.stack(np.broadcast_arrays(*parts))), 0.0)


def above(hits: Counts, samples: Counts, alpha: float) -> Floats:
    """Return the largest probabilities that the capital refutes: lower bounds, valid at all times at once."""
    low, high = np.zeros(len(hits)), hits / np.maximum(samples, 1)
    for _ in range(60):
        middle = (low + high) / 2
        refuted = capital(hits, samples, middle) >= -np.log(alpha)
        low, high = np.where(refuted, middle, low), np.where(refuted, high, middle)
    return low
