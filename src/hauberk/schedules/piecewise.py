"""Piecewise linear schedules."""

from dataclasses import dataclass
from itertools import pairwise

from hauberk.concepts.cases import Cases
from hauberk.concepts.schedule import Progress, Schedule
from hauberk.errors import InputError
from hauberk.ranges import NonNegative


@dataclass(frozen=True)
class Piecewise(Schedule):
    """Linear interpolation between points (time, value), constant before the first and after the last.

    Args:
        times: the times, not decreasing.
        values: the value at each time; of two points at the same time, the later holds from there on.

    Raises:
        InputError: there are no points, times and values differ in number, or times decrease.

    Example:
        >>> from hauberk.concepts.schedule import Progress
        >>> from hauberk.schedules import Piecewise
        >>> ramp = Piecewise(times=[0, 0.4], values=[0, 0.2])
        >>> [round(ramp(Progress(step, steps=100, steps_per_epoch=10)), 3) for step in (0, 10, 40, 90)]
        [0.0, 0.05, 0.2, 0.2]
    """

    times: list[NonNegative]
    values: list[NonNegative]

    @staticmethod
    def cases() -> Cases:
        return {"times": [[0.0, 0.25, 0.25, 1.0]], "values": [[1.0, 0.5, 0.25, 0.0]]}

    def __post_init__(self) -> None:
        if not self.times or len(self.times) != len(self.values) or sorted(self.times) != list(self.times):
            raise InputError(f"Piecewise needs growing times, a value each, but has {self.times} and {self.values}.")

    def __call__(self, progress: Progress) -> float:
        share = progress.step / progress.steps
        points = list(zip(self.times, self.values, strict=True))
        for (t0, v0), (t1, v1) in pairwise(points):
            if t0 <= share < t1:
                return v0 + (v1 - v0) * (share - t0) / (t1 - t0)
        return self.values[0] if share < self.times[0] else self.values[-1]
