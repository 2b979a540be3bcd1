"""Ramps without a kink."""

from dataclasses import dataclass

from hauberk.concepts.schedule import Progress, Schedule


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
