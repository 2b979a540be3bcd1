"""Exact intervals for shares and their differences."""

from scipy.stats import binomtest


def interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of a share: it holds the true one with at least this confidence."""
    found = binomtest(successes, trials).proportion_ci(confidence, method="exact")
    return float(found.low), float(found.high)


def share(successes: int, trials: int, confidence: float = 0.95) -> dict[str, float | int]:
    """Return count, share and exact interval, as summaries write them."""
    low, high = interval(successes, trials, confidence)
    return {"count": successes, "share": successes / trials, "low": low, "high": high}


def paired_interval(only_first: int, only_second: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return an interval of the difference of two shares of the same trials, first minus second.

    What both or neither do cancels out: the difference is that of the two shares on which they disagree. Each has its
    exact interval at half the doubt, so that both hold at once with at least this confidence, however they depend on
    each other; the price is some width.

    Args:
        only_first: trials that count for the first share alone.
        only_second: those that count for the second alone.
        trials: all of them.
        confidence: the least probability that the interval holds the difference.
    """
    sure = (1 + confidence) / 2
    (first_low, first_high), (second_low, second_high) = (
        interval(count, trials, sure) for count in (only_first, only_second)
    )
    return first_low - second_high, first_high - second_low
