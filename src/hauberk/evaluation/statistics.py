"""Exact intervals for shares."""

from scipy.stats import binomtest


def interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of a share: it holds the true one with at least this confidence."""
    found = binomtest(successes, trials).proportion_ci(confidence, method="exact")
    return float(found.low), float(found.high)


def share(successes: int, trials: int, confidence: float = 0.95) -> dict[str, float | int]:
    """Return count, share and exact interval, as summaries write them."""
    low, high = interval(successes, trials, confidence)
    return {"count": successes, "share": successes / trials, "low": low, "high": high}
