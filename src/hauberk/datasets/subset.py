"""Some examples of a data set."""

import torch

from hauberk.concepts.dataset import Dataset, Split
from hauberk.errors import InputError


class Subset(Dataset):
    """Some of the training or test examples of another data set: the first ones, or such as a seed draws.

    Where training examples are few, robust overfitting shows within minutes. Image folders are ordered by class, so
    that their first examples are all of one: draw from them.

    Args:
        data: whose examples they are.
        train: how many training examples; all where it is left out.
        test: how many test examples; all where it is left out.
        seed: draws which, in a random order; by default the first ones are taken, in their own.

    Raises:
        InputError: a number is not positive; later, when a split is asked for, it is larger than the split.
    """

    def __init__(
        self, data: Dataset, train: int | None = None, test: int | None = None, seed: int | None = None
    ) -> None:
        for name, count in (("train", train), ("test", test)):
            if count is not None and count < 1:
                raise InputError(f"Subset needs {name} > 0, but it is {count}.")
        self._data, self._train, self._test, self._seed = data, train, test, seed
        which = "first" if seed is None else f"by seed {seed},"
        kept = [f"{which} {n:,} {kind} examples" for n, kind in ((train, "training"), (test, "test")) if n is not None]
        self.name = f"{data.name} ({', '.join(kept)})" if kept else data.name
        self.classes, self.shape, self.range = data.classes, data.shape, data.range

    def train(self) -> Split:
        return self._some(self._data.train(), self._train)

    def test(self) -> Split:
        return self._some(self._data.test(), self._test)

    def _some(self, split: Split, count: int | None) -> Split:
        """Return as many examples of a split, or all of them."""
        if count is None:
            return split
        if count > len(split):
            raise InputError(f"{self.name}: there are only {len(split):,} examples.")
        if self._seed is None:
            return split.select(slice(0, count))
        return split.select(torch.randperm(len(split), generator=torch.Generator().manual_seed(self._seed))[:count])
