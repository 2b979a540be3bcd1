"""Radii that grow while an attack takes its steps."""

import math
from dataclasses import dataclass

from hauberk.errors import InputError
from hauberk.ranges import Checked, Count, Positive, PositiveShare


@dataclass(frozen=True)
class Growth(Checked):
    """The share of a set's radius that each step of an attack may use: it begins small and grows by a factor.

    An example that is misclassified at a small radius needs no larger one, so the answers' distances say roughly how
    far an attack had to go.

    Args:
        start: the first share.
        factor: what the share is multiplied by after every `every` steps, until it is 1.
        every: the number of steps at each radius.

    Raises:
        InputError: start is not between 1e-9 and 1, factor not above 1, or `every` not positive.

    Example:
        >>> from hauberk.searches.growth import Growth
        >>> [Growth(start=0.25, factor=2, every=3).share(step) for step in (0, 2, 3, 6, 99)]
        [0.25, 0.25, 0.5, 1.0, 1.0]

    Source: Wong, Schmidt & Kolter 2019: of radius 2, MNIST starts at a share of 0.15 with 1.1 after every 10 steps.
    """

    start: PositiveShare = 0.15
    factor: Positive = 1.1
    every: Count = 10

    def __post_init__(self) -> None:
        if not (1e-9 <= self.start <= 1 < self.factor < math.inf and self.every >= 1):
            raise InputError(
                "Growth needs a start between 1e-9 and 1, a finite factor above 1 and a number of steps, but they are "
                f"{self.start}, {self.factor} and {self.every}."
            )

    def share(self, step: int) -> float:
        """Return the share of the radius at a step, from 0."""
        most = math.ceil(math.log(1 / self.start, self.factor))
        return min(1.0, self.start * self.factor ** min(step // self.every, most))
