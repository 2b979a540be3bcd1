"""Schedules that follow the radius."""

from dataclasses import dataclass

from hauberk.concepts.schedule import Progress, Schedule
from hauberk.ranges import NonNegative


@dataclass(frozen=True)
class WithRadius(Schedule):
    """A linear function of the radius.

    Args:
        start: the value at radius 0.
        end: the value at the final radius.
    """

    start: NonNegative
    end: NonNegative

    def __call__(self, progress: Progress) -> float:
        return self.start + (self.end - self.start) * progress.radius_share
