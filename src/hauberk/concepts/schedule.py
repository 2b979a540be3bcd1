"""Schedules: scalars as functions of training progress."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from hauberk.ranges import Checked


@dataclass(frozen=True)
class Progress:
    """Training progress before the current step.

    Args:
        step: the number of steps done.
        steps: the number of steps of the whole training run; if epochs differ in length, all count as the current one.
        steps_per_epoch: the number of steps of the current epoch.
        radius_share: the current radius as a share of the final one.
    """

    step: int
    steps: int
    steps_per_epoch: int
    radius_share: float = 1.0

    @property
    def epoch(self) -> float:
        """The number of epochs done, including fractions."""
        return self.step / self.steps_per_epoch


class Schedule(Checked, ABC):
    """A scalar that training varies: a radius, a weight, a learning rate."""

    @abstractmethod
    def __call__(self, progress: Progress) -> float:
        """Return the value for the current step."""
