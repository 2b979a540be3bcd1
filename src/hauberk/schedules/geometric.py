"""Geometric schedules."""

from dataclasses import dataclass

from hauberk.concepts.cases import Cases
from hauberk.concepts.schedule import Progress, Schedule
from hauberk.ranges import NonNegative, Positive


@dataclass(frozen=True)
class Geometric(Schedule):
    """A geometric interpolation from `start` to `end` between two times: equal ratios in equal times.

    Args:
        start: the value before it, positive.
        end: the value after it, positive.
        begin: the time at which it begins.
        finish: the time at which it ends; a jump there if not later than `begin`.

    Raises:
        InputError: a value is not positive and finite.

    Example:
        >>> from hauberk.concepts.schedule import Progress
        >>> from hauberk.schedules import Geometric
        >>> growth = Geometric(start=1, end=100, begin=0.2, finish=0.8)
        >>> [round(growth(Progress(step, steps=100, steps_per_epoch=10)), 3) for step in (0, 20, 50, 80)]
        [1.0, 1.0, 10.0, 100.0]
    """

    start: Positive
    end: Positive
    begin: NonNegative = 0.0
    finish: NonNegative = 1.0

    @staticmethod
    def cases() -> Cases:
        return {"start": [8.0], "end": [1000.0]}

    def __call__(self, progress: Progress) -> float:
        time, length = progress.step / progress.steps, self.finish - self.begin
        share = min(max((time - self.begin) / length, 0.0), 1.0) if length > 0 else float(time >= self.finish)
        return self.start ** (1 - share) * self.end**share
