"""Detection of catastrophic overfitting as it happens."""

from dataclasses import dataclass

from hauberk.concepts.attack import Attack
from hauberk.ranges import Checked, OpenShare


@dataclass(frozen=True)
class CollapseDetector(Checked):
    """A detector that stops training once the network withstands nothing but its own training adversary.

    At the end of each epoch an attack stronger than the training's own, say a few steps of PGD, is run on the epoch's
    first batch, with the network in training mode. If accuracy has fallen by more than `drop` since the last epoch,
    training ends with the weights of that last epoch. Robust overfitting shows only on unseen examples, and is not a
    collapse.

    Args:
        attack: run on the batch.
        drop: the largest tolerated fall, as a share of the batch.

    Raises:
        InputError: drop is not between 0 and 1.

    Source: Wong, Rice & Kolter 2020, section 4.
    """

    attack: Attack
    drop: OpenShare = 0.2

    def collapsed(self, before: float, now: float) -> bool:
        """Return whether an accuracy fell too far."""
        return now < before - self.drop
