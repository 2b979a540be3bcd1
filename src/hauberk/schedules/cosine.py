"""Cosine schedules."""

import math
from dataclasses import dataclass

from hauberk.concepts.schedule import Progress, Schedule
from hauberk.ranges import NonNegative, PartialShare


@dataclass(frozen=True)
class Cosine(Schedule):
    """A linear warm-up from 0 to `peak`, which may be held, then half a cosine down to `end`.

    Args:
        peak: the largest value.
        end: the value at the end of the training run.
        warmup: the time at which the warm-up ends, in [0, 1); 0 for none.
        hold: the time at which the fall begins, in [0, 1); that of the end of the warm-up if it is earlier.

    Raises:
        InputError: warmup or hold does not lie in [0, 1).

    Example:
        >>> from hauberk.concepts.schedule import Progress
        >>> from hauberk.schedules import Cosine
        >>> rate = Cosine(peak=0.1)
        >>> [round(rate(Progress(step, steps=100, steps_per_epoch=10)), 3) for step in (0, 25, 50, 100)]
        [0.1, 0.085, 0.05, 0.0]
    """

    peak: NonNegative
    end: NonNegative = 0.0
    warmup: PartialShare = 0.0
    hold: PartialShare = 0.0

    def __call__(self, progress: Progress) -> float:
        share = progress.step / progress.steps
        if share < self.warmup:
            return self.peak * (progress.step + 1) / (self.warmup * progress.steps + 1)
        begin = max(self.warmup, self.hold)
        fall = max(share - begin, 0) / (1 - begin)
        return self.end + (self.peak - self.end) * (1 + math.cos(math.pi * fall)) / 2
