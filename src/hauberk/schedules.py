"""Schedules of radii, weights and learning rates. Times are shares of the whole training run, in [0, 1].

A schedule is read before a step: at batch i of an epoch the time is (epoch + i / batches) / epochs, so the first step
uses the value at 0. Released code often reads at epoch + (i + 1) / batches: the same values, each one step earlier.
"""

import math
from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

from hauberk.concepts.cases import Cases
from hauberk.concepts.schedule import Progress, Schedule
from hauberk.errors import InputError

__all__ = ["Constant", "Cosine", "Piecewise", "SmoothRamp", "Steps", "WithRadius"]


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

    value: float = 1.0

    def __call__(self, progress: Progress) -> float:
        return self.value


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

    times: list[float]
    values: list[float]

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


@dataclass(frozen=True)
class Steps(Schedule):
    """A step function: each value holds from its time until the next one; the first also before its time.

    `Steps([0, 0.5, 0.75], [0.1, 0.01, 0.001])` divides by ten after half and three quarters of the training run.

    Args:
        times: the times, strictly increasing.
        values: the value from each time on.

    Raises:
        InputError: there are no values, their number differs from that of the times, or times do not strictly increase.
    """

    times: list[float]
    values: list[float]

    @staticmethod
    def cases() -> Cases:
        return {"times": [[0.0, 0.5]], "values": [[1.0, 0.1]]}

    def __post_init__(self) -> None:
        growing = all(earlier < later for earlier, later in pairwise(self.times))
        if not self.times or len(self.times) != len(self.values) or not growing:
            raise InputError(f"Steps needs strictly growing times, a value each, but has {self.times}, {self.values}.")

    def __call__(self, progress: Progress) -> float:
        begun = bisect_right(self.times, progress.step / progress.steps)
        return self.values[max(begun - 1, 0)]


@dataclass(frozen=True)
class SmoothRamp(Schedule):
    """A ramp from `start` to `end` between two times: a quartic for the first quarter, then a line, without a kink.

    Args:
        start: the value before the ramp.
        end: the value after it.
        begin: the time at which the ramp begins.
        finish: the time at which it ends; a jump there if not later than `begin`.

    Example:
        >>> from hauberk.concepts.schedule import Progress
        >>> from hauberk.schedules import SmoothRamp
        >>> ramp = SmoothRamp(finish=0.8)
        >>> [round(ramp(Progress(step, steps=100, steps_per_epoch=10)), 3) for step in (0, 20, 50, 80)]
        [0.0, 0.077, 0.538, 1.0]

    Source: Shi et al. 2021, and the released code.
    """

    start: float = 0.0
    end: float = 1.0
    begin: float = 0.0
    finish: float = 0.5

    def __call__(self, progress: Progress) -> float:
        t0, t1 = self.begin, self.finish
        t = min(max(progress.step / progress.steps, t0), t1)
        if t1 <= t0:
            return self.end if progress.step / progress.steps >= t1 else self.start
        middle = t0 + 0.25 * (t1 - t0)
        growth = (self.end - self.start) / ((t1 - middle) * 4 * (middle - t0) ** 3 + (middle - t0) ** 4)
        if t <= middle:
            return self.start + growth * (t - t0) ** 4
        bend = self.start + growth * (middle - t0) ** 4
        return bend + (self.end - bend) * (t - middle) / (t1 - middle)


@dataclass(frozen=True)
class Cosine(Schedule):
    """A linear warm-up from 0 to `peak`, then half a cosine down to `end`.

    Args:
        peak: the largest value.
        end: the value at the end of the training run.
        warmup: the time at which the warm-up ends, in [0, 1); 0 for none.

    Raises:
        InputError: warmup does not lie in [0, 1).

    Example:
        >>> from hauberk.concepts.schedule import Progress
        >>> from hauberk.schedules import Cosine
        >>> rate = Cosine(peak=0.1)
        >>> [round(rate(Progress(step, steps=100, steps_per_epoch=10)), 3) for step in (0, 25, 50, 100)]
        [0.1, 0.085, 0.05, 0.0]
    """

    peak: float
    end: float = 0.0
    warmup: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.warmup < 1:
            raise InputError(f"warmup is a share of the training run, in [0, 1), but is {self.warmup}.")

    def __call__(self, progress: Progress) -> float:
        share = progress.step / progress.steps
        if share < self.warmup:
            return self.peak * (progress.step + 1) / (self.warmup * progress.steps + 1)
        fall = (share - self.warmup) / (1 - self.warmup)
        return self.end + (self.peak - self.end) * (1 + math.cos(math.pi * fall)) / 2


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
