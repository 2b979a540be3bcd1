"""The first examples of a data set."""

from hauberk.concepts.dataset import Dataset, Split
from hauberk.errors import InputError
from hauberk.ranges import Count


class Subset(Dataset):
    """The first training and test examples of another data set.

    With few training examples, robust overfitting shows within minutes.

    Args:
        data: The data set to take the examples from.
        train: The number of training examples; None: all.
        test: The number of test examples; None: all.

    Raises:
        InputError: a number is not positive; later, when a split is read, the number is larger than the split.
    """

    def __init__(self, data: Dataset, train: Count | None = None, test: Count | None = None) -> None:
        for name, count in (("train", train), ("test", test)):
            if count is not None and count < 1:
                raise InputError(f"Subset needs {name} > 0, but it is {count}.")
        self._data, self._train, self._test = data, train, test
        kept = [f"first {n:,} {kind} examples" for n, kind in ((train, "training"), (test, "test")) if n is not None]
        self.name = f"{data.name} ({', '.join(kept)})" if kept else data.name
        self.classes, self.shape, self.range = data.classes, data.shape, data.range

    def train(self) -> Split:
        return first(self._data.train(), self._train, self.name)

    def test(self) -> Split:
        return first(self._data.test(), self._test, self.name)


def first(split: Split, count: int | None, name: str) -> Split:
    """Return the first `count` examples of a split; None: all of them."""
    if count is None:
        return split
    if count > len(split):
        raise InputError(f"{name}: there are only {len(split):,} examples.")
    return split.select(slice(0, count))
