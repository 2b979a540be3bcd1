"""Errors on test examples after each epoch of training: at best, and in the end."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, pstdev

LAST = 5
"""The epochs at the end that the final error is a mean of."""


@dataclass(frozen=True)
class EpochErrors:
    """One measure of error over the epochs, as tables of robust overfitting state it.

    Args:
        name: "robust" or "standard".
        best: the error at the epoch with the least robust error.
        last: the errors of the last epochs.

    Source: Rice, Wong & Kolter 2020.
    """

    name: str
    best: float
    last: Sequence[float]

    @property
    def final(self) -> float:
        """The mean of the last errors."""
        return fmean(self.last)

    @property
    def deviation(self) -> float:
        """The standard deviation of the last errors, as of a whole population."""
        return pstdev(self.last)

    @property
    def difference(self) -> float:
        """The excess of the final error over the best one."""
        return self.final - self.best


def epoch_errors(clean: Sequence[float], robust: Sequence[float]) -> tuple[int, list[EpochErrors]]:
    """Return the place of the first epoch with the least robust error, and both errors, from accuracies by epoch."""
    best = max(range(len(robust)), key=lambda place: robust[place])
    return best, [
        EpochErrors(name, 1 - shares[best], [1 - share for share in shares[-LAST:]])
        for name, shares in (("robust", robust), ("standard", clean))
    ]
