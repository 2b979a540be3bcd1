"""Data sets that know their range, shape and classes."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor


@dataclass(frozen=True)
class Split:
    """Labelled inputs in memory or in a file; bytes stay bytes until a batch is requested.

    Args:
        inputs: uint8 pixels, or floating-point inputs already within the data set's range.
        labels: the class of each input.
        pseudo_labelled: further examples for training only, labelled by a network; None for none.
        stays: True if the inputs stay in a file on disk, so that only batches are moved to the labels' device.
    """

    inputs: Shaped[Tensor, "n *x"]
    labels: Int64[Tensor, "n"]
    pseudo_labelled: "Split | None" = None
    stays: bool = False

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


class Dataset(ABC):
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
