"""Schedules of radii, weights and learning rates. Their times are shares of the whole training, in [0, 1].

They are read before a step: at batch i of an epoch the time is (epoch + i / batches) / epochs, so that the first step
has the value at 0. Released code often reads at epoch + (i + 1) / batches: the same values, each one step earlier.
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
    """The same value throughout."""

    value: float = 1.0

    def __call__(self, progress: Progress) -> float:
        return self.value


@dataclass(frozen=True)
class Piecewise(Schedule):
    """Straight lines between points (time, value), and the end values outside.

    Raises:
        InputError: no points, or times that do not grow.
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
    """Each value from its time on, until the next takes its place; the first also before its time.

    `Steps([0, 0.5, 0.75], [0.1, 0.01, 0.001])` drops by ten at half and at three quarters of the training.

    Raises:
        InputError: no values, or times that do not strictly grow.
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
    """From `start` to `end` between two times: a quartic for the first quarter, then a line, with no kink.

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
    """Linear from 0 to `peak` until the time `warmup`, then half a cosine down to `end`.

    Raises:
        InputError: warmup is no share of the training.
    """

    peak: float
    end: float = 0.0
    warmup: float = 0.0

    def __post_init__(self) -> None:
        if not 0 <= self.warmup < 1:
            raise InputError(f"warmup is a share of the training, in [0, 1), but is {self.warmup}.")

    def __call__(self, progress: Progress) -> float:
        share = progress.step / progress.steps
        if share < self.warmup:
            return self.peak * (progress.step + 1) / (self.warmup * progress.steps + 1)
        fall = (share - self.warmup) / (1 - self.warmup)
        return self.end + (self.peak - self.end) * (1 + math.cos(math.pi * fall)) / 2


@dataclass(frozen=True)
class WithRadius(Schedule):
    """From `start`, where the radius is 0, in a straight line to `end`, where it is the final one."""

    start: float
    end: float

    def __call__(self, progress: Progress) -> float:
        return self.start + (self.end - self.start) * progress.radius_share
