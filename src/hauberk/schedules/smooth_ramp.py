"""Ramps without a kink."""

from dataclasses import dataclass

from hauberk.concepts.schedule import Progress, Schedule
from hauberk.ranges import NonNegative, PositiveShare


@dataclass(frozen=True)
class SmoothRamp(Schedule):
    """A ramp from `start` to `end` between two times: a quartic at first, then a line, without a kink.

    Args:
        start: the value before the ramp.
        end: the value after it.
        begin: the time at which the ramp begins.
        finish: the time at which it ends; a jump there if not later than `begin`.
        bend: the share of the ramp that is a quartic, in (0, 1].

    Raises:
        InputError: bend does not lie in (0, 1].

    Example:
        >>> from hauberk.concepts.schedule import Progress
        >>> from hauberk.schedules import SmoothRamp
        >>> ramp = SmoothRamp(finish=0.8)
        >>> [round(ramp(Progress(step, steps=100, steps_per_epoch=10)), 3) for step in (0, 20, 50, 80)]
        [0.0, 0.077, 0.538, 1.0]

    Source: Shi et al. 2021, and the released code.
    """

    start: NonNegative = 0.0
    end: NonNegative = 1.0
    begin: NonNegative = 0.0
    finish: NonNegative = 0.5
    bend: PositiveShare = 0.25

    def __call__(self, progress: Progress) -> float:
        t0, t1 = self.begin, self.finish
        t = min(max(progress.step / progress.steps, t0), t1)
        if t1 <= t0:
            return self.end if progress.step / progress.steps >= t1 else self.start
        middle = t0 + self.bend * (t1 - t0)
        growth = (self.end - self.start) / ((t1 - middle) * 4 * (middle - t0) ** 3 + (middle - t0) ** 4)
        if t <= middle:
            return self.start + growth * (t - t0) ** 4
        height = self.start + growth * (middle - t0) ** 4
        return height + (self.end - height) * (t - middle) / (t1 - middle)
