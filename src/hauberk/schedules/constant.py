"""Constant schedules."""

from dataclasses import dataclass

from hauberk.concepts.schedule import Progress, Schedule
from hauberk.ranges import NonNegative


@dataclass(frozen=True)
class Constant(Schedule):
    """The same value throughout.

    Args:
        value: the value.

    Example:
        >>> from hauberk.concepts.schedule import Progress
        >>> from hauberk.schedules import Constant
        >>> Constant(0.5)(Progress(step=10, steps=100, steps_per_epoch=20))
        0.5
    """

    value: NonNegative = 1.0

    def __call__(self, progress: Progress) -> float:
        return self.value
