"""Schedules that follow the radius."""

from dataclasses import dataclass

from hauberk.concepts.schedule import Progress, Schedule


@dataclass(frozen=True)
class WithRadius(Schedule):
    """A linear function of the radius.

    Args:
        start: the value at radius 0.
        end: the value at the final radius.
    """

    start: float
    end: float

    def __call__(self, progress: Progress) -> float:
        return self.start + (self.end - self.start) * progress.radius_share
