"""Points in the unit square with random labels: the smallest task for watching certified training."""

from dataclasses import dataclass

import torch

from hauberk.concepts.dataset import Dataset, Split
from hauberk.errors import InputError
from hauberk.ranges import Count, Positive

TRIES = 10_000
"""Number of candidates drawn before the square is considered full."""


@dataclass(frozen=True)
class Points(Dataset):
    """Separated points in [0, 1]^2 with two labels drawn by fair coins: for fitting, not for generalisation.

    Candidates are drawn uniformly and accepted if they are farther than `separation` from every earlier point in the
    l_inf norm, so that l_inf balls of half that radius do not meet. Both splits consist of all the points.

    Args:
        count: The number of points.
        separation: The l_inf distance that any two points exceed.
        seed: The seed of positions and labels.

    Raises:
        InputError: count or separation is not positive; on drawing, the square has no room for the points.

    Source: Wong & Kolter 2018, the experiment in two dimensions.
    """

    count: Count = 12
    separation: Positive = 0.16
    seed: int = 0
    classes = ("0", "1")
    shape = (2,)
    range = (0.0, 1.0)

    @property
    def name(self) -> str:
        """The number of points, and a note that the splits are the same."""
        return f"{self.count} points (tested on the training points)"

    def train(self) -> Split:
        generator = torch.Generator().manual_seed(self.seed)
        candidates = torch.rand(TRIES, 2, generator=generator)
        points = candidates[:1]
        for number in range(1, TRIES):
            if len(points) == self.count:
                break
            if ((points - candidates[number]).abs().amax(1) > self.separation).all():
                points = torch.cat([points, candidates[number : number + 1]])
        if len(points) < self.count:
            raise InputError(
                f"{TRIES} candidates gave {len(points)} points farther than {self.separation} from each other, "
                f"not {self.count}: ask for fewer, or for a smaller separation."
            )
        return Split(points, torch.randint(0, 2, (self.count,), generator=generator))

    def test(self) -> Split:
        return self.train()
