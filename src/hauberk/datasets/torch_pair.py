"""Data sets of torch and of the libraries around it."""

from torch.utils import data as torch_data

from hauberk.accepted import tensor
from hauberk.concepts.dataset import Dataset, Split, numbered
from hauberk.ranges import Count


class TorchPair(Dataset):
    """Two torch datasets of pairs (input, label): one to train on, and one to test on.

    Their examples are read into memory, each once: a random transform of theirs would be drawn once, so leave it to
    `trainer.augmentation`.

    Args:
        train: The examples to train on.
        test: The examples to test on.
        classes: The number of classes.
        within: The smallest and largest valid values of an input; bytes become numbers from 0 to 1.
        name: The name of the data; None: that of the class of `train`.

    Raises:
        InputError: `classes` is not positive, or too large; when a split is read: it holds no pairs of an input and a
            label.
        ShapeError: when a split is read: inputs or labels are not numbers of one shape.

    Example:
        >>> import torch
        >>> from torch.utils.data import TensorDataset
        >>> from hauberk.datasets import TorchPair
        >>> train, test = (TensorDataset(torch.rand(n, 1, 8, 8), torch.arange(n) % 3) for n in (12, 6))
        >>> data = TorchPair(train, test, classes=3)
        >>> data.shape, len(data.train()), data.name
        ((1, 8, 8), 12, 'TensorDataset')
    """

    def __init__(
        self,
        train: torch_data.Dataset,
        test: torch_data.Dataset,
        classes: Count,
        within: tuple[float, float] = (0.0, 1.0),
        name: str | None = None,
    ) -> None:
        self._train, self._test = train, test
        self.name, self.range = name or type(train).__name__, within
        self.classes = numbered(classes, "TorchPair")
        self.shape = tuple(tensor("inputs", test[0][0]).shape)

    def train(self) -> Split:
        return Split.of(self._train)

    def test(self) -> Split:
        return Split.of(self._test)
