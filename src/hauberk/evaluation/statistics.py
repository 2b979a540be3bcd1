"""Exact confidence intervals for shares and their differences."""

from scipy.stats import binomtest


def interval(successes: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the Clopper-Pearson interval of a share, which contains the true one with at least this confidence."""
    found = binomtest(successes, trials).proportion_ci(confidence, method="exact")
    return float(found.low), float(found.high)


def share(successes: int, trials: int, confidence: float = 0.95) -> dict[str, float | int]:
    """Return count, share and exact interval, as summaries store them."""
    low, high = interval(successes, trials, confidence)
    return {"count": successes, "share": successes / trials, "low": low, "high": high}


def paired_interval(only_first: int, only_second: int, trials: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return an interval for the difference of two shares of the same trials, first minus second.

    Trials that count for both or for neither cancel out, so the difference is that between the shares of trials that
    count for one alone. Each of these gets its exact interval at half the error probability, so that both hold at once
    with at least this confidence, however they depend on each other; the price is some width.

    Args:
        only_first: number of trials that count for the first share alone.
        only_second: number of trials that count for the second share alone.
        trials: number of all trials.
        confidence: least probability that the interval contains the difference.
    """
    sure = (1 + confidence) / 2
    (first_low, first_high), (second_low, second_high) = (
        interval(count, trials, sure) for count in (only_first, only_second)
    )
    return first_low - second_high, first_high - second_low
