"""Data sets that know their range, shape and classes."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from math import inf
from time import monotonic
from typing import Any

import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor
from torch.utils import data as torch_data

from hauberk.accepted import labels, tensor
from hauberk.errors import InputError, ShapeError
from hauberk.ranges import Checked

CLASSES = 100_000
"""Largest number of classes; ImageNet's largest version has 21,841."""


@dataclass(frozen=True)
class Split:
    """Labelled inputs in memory or in a file; bytes stay bytes until a batch is requested.

    Args:
        inputs: uint8 pixels, or floating-point inputs already within the data set's range.
        labels: the class of each input; integers of any width become int64.
        pseudo_labelled: further examples for training only, labelled by a network; None for none.
        stays: True if the inputs stay in a file on disk, so that only batches are moved to the labels' device.

    Raises:
        ShapeError: inputs are no batch of numbers or bytes, or labels are not integers.
    """

    inputs: Shaped[Tensor, "n *x"]
    labels: Int64[Tensor, "n"]
    pseudo_labelled: "Split | None" = None
    stays: bool = False

    def __post_init__(self) -> None:
        inputs, y = tensor("inputs", self.inputs), tensor("labels", self.labels)
        if not (inputs.is_floating_point() or inputs.dtype == torch.uint8) or inputs.ndim < 2:
            raise ShapeError(
                "inputs of a split are examples (n, ...) of floating-point numbers, or bytes for pixels, but have "
                f"shape {tuple(inputs.shape)} and type {inputs.dtype}."
            )
        object.__setattr__(self, "inputs", inputs)
        object.__setattr__(self, "labels", labels(y, len(y) if y.ndim else 0))

    @classmethod
    def of(cls, given: object, *, most: int | None = None, seconds: float = inf) -> "Split":
        """Return labelled examples as a split: a pair of tensors, a torch dataset, or a loader of one.

        Examples of a torch dataset are read into memory, in its own order, whatever the order of the loader: at most
        `most`, from the first, and one or as many as are read in so many seconds.

        Raises:
            InputError: it holds no pairs of an input and a label, or a loader makes other batches than torch's default.
            ShapeError: inputs or labels are not numbers of one shape.
        """
        if isinstance(given, Split):
            return given if most is None else given.select(slice(0, most))
        if isinstance(given, torch_data.DataLoader):
            known = torch_data.SequentialSampler | torch_data.RandomSampler
            if given.collate_fn is not torch_data.default_collate or not isinstance(given.sampler, known):
                raise InputError(
                    "the loader has a sampler or a collate_fn of its own: pass Split(inputs, labels) instead."
                )
            return cls.of(given.dataset, most=most, seconds=seconds)
        if isinstance(given, tuple | list) and len(given) == 2:
            return cls.of(cls(*given), most=most)
        if isinstance(given, torch_data.TensorDataset) and len(given.tensors) == 2:
            return cls.of(cls(*given.tensors), most=most)
        if isinstance(given, torch_data.Dataset) and hasattr(given, "__len__"):
            return cls(*gathered(given, most, seconds))
        raise InputError(
            f"examples are a Split(inputs, labels), or a torch dataset with a length, but are a {type(given).__name__}."
        )

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, index: Tensor | slice) -> tuple[Float[Tensor, "b *x"], Int64[Tensor, "b"]]:
        """Return the indexed examples, pixels as float32 in [0, 1]."""
        place = index.to(self.inputs.device) if isinstance(index, Tensor) else index
        x = self.inputs[place].to(self.labels.device)
        return (x.float() / 255 if x.dtype == torch.uint8 else x), self.labels[index]

    def select(self, index: Tensor | slice) -> "Split":
        """Return the split of the indexed examples, with all pseudo-labelled ones."""
        stays = self.stays and isinstance(index, slice)  # else the examples are copied into memory
        return Split(self.inputs[index], self.labels[index], self.pseudo_labelled, stays)

    def to(self, device: torch.device) -> "Split":
        """Return the split on a device, except for inputs that stay on disk."""
        further = None if self.pseudo_labelled is None else self.pseudo_labelled.to(device)
        inputs = self.inputs if self.stays else self.inputs.to(device)
        return Split(inputs, self.labels.to(device), further, self.stays)

    def joined(self, other: "Split") -> "Split":
        """Return the examples of both splits, in memory; pixels stay bytes if both splits have bytes."""
        alike = self.inputs.dtype == other.inputs.dtype
        inputs = [split.inputs if alike else split.batch(slice(None))[0] for split in (self, other)]
        return Split(torch.cat(inputs), torch.cat([self.labels, other.labels]))


def gathered(dataset: torch_data.Dataset[Any], most: int | None, seconds: float) -> tuple[Tensor, Tensor]:
    """Return the inputs and the labels of a torch dataset, limited as in `Split.of`.

    Raises:
        InputError: an item is no pair of an input and a label.
        ShapeError: inputs are no numbers, or differ in shape.
    """
    end, items = monotonic() + seconds, []
    for number in range(len(dataset))[:most]:  # pyright: ignore[reportArgumentType]
        items.append(dataset[number])
        if monotonic() > end:
            break
    if not items or not all(isinstance(item, tuple | list) and len(item) == 2 for item in items):
        raise InputError(f"{type(dataset).__name__} holds {len(items)} items, not all pairs of an input and a label.")
    inputs = [tensor("inputs", x) for x, _ in items]
    if len({x.shape for x in inputs}) > 1:
        raise ShapeError(f"inputs have one shape, but those of {type(dataset).__name__} have several: transform them.")
    return torch.stack(inputs), tensor("labels", [tensor("labels", y).item() for _, y in items])


Examples = Split | torch_data.Dataset[Any] | torch_data.DataLoader[Any] | tuple[Tensor, Tensor]
"""The types that hold labelled examples: `Split.of` makes a split of each."""


class Dataset(Checked, ABC):
    """A named classification data set."""

    name: str
    classes: tuple[str, ...]
    """The names of the classes, in label order."""
    shape: tuple[int, ...]
    """The shape of one input: (channels, height, width) for images."""
    range: tuple[float, float]
    """The smallest and largest valid values of an input."""

    @abstractmethod
    def train(self) -> Split:
        """Return the training split.

        Raises:
            InputError: a file is missing, corrupt or inconsistent; the message names the file and the fault.
        """

    @abstractmethod
    def test(self) -> Split:
        """Return the test split; raises as `train` does."""


def numbered(count: int, where: str) -> tuple[str, ...]:
    """Return numbers as names of classes; `where` is what messages call their source.

    Raises:
        InputError: there are none, or so many that labels must be something else.
    """
    if not 1 <= count <= CLASSES:
        raise InputError(f"{where} has {count:,} classes, but there must be 1 to {CLASSES:,}: check its labels.")
    return tuple(map(str, range(count)))
