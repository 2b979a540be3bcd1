"""Step functions."""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

from hauberk.concepts.cases import Cases
from hauberk.concepts.schedule import Progress, Schedule
from hauberk.errors import InputError
from hauberk.ranges import NonNegative


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

    times: list[NonNegative]
    values: list[NonNegative]

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
