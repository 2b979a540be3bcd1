"""Synthetic images: enough to try out training, but not to report results on."""

from math import prod

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.dataset import Dataset, Split, numbered
from hauberk.errors import InputError
from hauberk.ranges import Count

LARGEST = 2**26
"""Largest number of values of a split: 85,000 examples of the size of MNIST's."""
BLOCKS = 4
"""Blocks of one value along each side of a pattern: coarse blocks survive shifts, crops and noise."""
DEVIATION = 0.1
"""Standard deviation of the noise, of values in [0, 1]."""


class Generated(Dataset):
    """Synthetic examples: each class has a pattern of random blocks, each example its pattern and normal noise.

    Values are bytes, like pixels. Classes take turns, so that a few examples come from only the first classes. For
    trials and tests: a network's results on them say nothing about real data.

    Args:
        shape: The shape of one input: [channels, height, width] for images, [values] for vectors.
        classes: The number of classes.
        train: The number of training examples.
        test: The number of test examples.
        seed: The seed of patterns and noise.

    Raises:
        InputError: a number is not positive, the shape is empty, or there are too many classes or values.
    """

    range = (0.0, 1.0)

    def __init__(self, shape: list[Count], classes: Count, train: Count, test: Count, seed: int = 0) -> None:
        if not shape or min(*shape, classes, train, test) < 1:
            raise InputError(
                f"Generated needs positive numbers, but has shape {shape}, {classes} classes, {train} training and "
                f"{test} test examples."
            )
        if max(train, test) * prod(shape) > LARGEST:
            raise InputError(
                f"Generated draws at most {LARGEST:,} values; {max(train, test):,} examples of shape {shape} are more."
            )
        self.name = f"generated patterns (synthetic, {train} to train on)"
        self.shape = tuple(shape)
        self.classes = numbered(classes, "Generated")
        self._train, self._test, self._seed = train, test, seed

    def train(self) -> Split:
        return self._drawn(self._train, 1)

    def test(self) -> Split:
        return self._drawn(self._test, 2)

    def _drawn(self, count: int, split: int) -> Split:
        labels = torch.arange(count) % len(self.classes)
        noise = torch.randn(count, *self.shape, generator=torch.Generator().manual_seed(3 * self._seed + split))
        values = (self._patterns()[labels] + DEVIATION * noise).clamp(0, 1)
        return Split((255 * values).round().to(torch.uint8), labels)

    def _patterns(self) -> Float[Tensor, "classes *x"]:
        """Return the patterns of the classes in the larger split."""
        count = min(len(self.classes), max(self._train, self._test))
        blocks = [min(side, BLOCKS) for side in self.shape]
        patterns = torch.rand(count, *blocks, generator=torch.Generator().manual_seed(3 * self._seed))
        for axis, (side, block) in enumerate(zip(self.shape, blocks, strict=True), start=1):
            patterns = patterns.index_select(axis, torch.arange(side) * block // side)
        return patterns
