"""Schedules: a scalar as a function of how far training has come."""

from abc import ABC, abstractmethod
from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """How far training has come, before the step at hand."""

    step: int
    steps: int
    """The number of steps of the whole training. Where epochs differ in their steps, all count as the one at hand."""
    steps_per_epoch: int
    radius_share: float = 1.0
    """The current radius as a share of the final one."""

    @property
    def epoch(self) -> float:
        """The number of epochs done, with its fraction."""
        return self.step / self.steps_per_epoch


class Schedule(ABC):
    """A scalar that training varies: a radius, a weight, a learning rate."""

    @abstractmethod
    def __call__(self, progress: Progress) -> float:
        """Return the value for the step at hand."""
