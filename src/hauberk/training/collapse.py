"""Catastrophic overfitting, noticed when it happens."""

from dataclasses import dataclass

from hauberk.concepts.attack import Attack
from hauberk.errors import InputError


@dataclass(frozen=True)
class CollapseDetector:
    """Stops a training whose network has learned to withstand its own adversary alone.

    At the end of each epoch an attack stronger than the training's own, a few steps of PGD say, is made on the epoch's
    first batch, with the network in training mode. Where accuracy has fallen by more than `drop` since the last epoch,
    training ends with the weights of that epoch. Robust overfitting shows on unseen examples only, and is no collapse.

    Args:
        attack: made on the batch.
        drop: a share of the batch.

    Raises:
        InputError: drop is no share.

    Source: Wong, Rice & Kolter 2020, section 4.
    """

    attack: Attack
    drop: float = 0.2

    def __post_init__(self) -> None:
        if not 0 < self.drop < 1:
            raise InputError(f"CollapseDetector needs a drop between 0 and 1, but it is {self.drop}.")

    def collapsed(self, before: float, now: float) -> bool:
        """Return whether an accuracy fell too far."""
        return now < before - self.drop
