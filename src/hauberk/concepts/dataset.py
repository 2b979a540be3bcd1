"""Data sets that know their range, shape and classes."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64, Shaped
from torch import Tensor


@dataclass(frozen=True)
class Split:
    """Labelled inputs in memory: bytes stay bytes until a batch is asked for."""

    inputs: Shaped[Tensor, "n *x"]
    """uint8 pixels, or floating-point inputs already within the data set's range."""
    labels: Int64[Tensor, "n"]
    pseudo_labelled: "Split | None" = None
    """Further examples for training alone, labelled by a network."""

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, index: Tensor | slice) -> tuple[Float[Tensor, "b *x"], Int64[Tensor, "b"]]:
        """Return the indexed examples, pixels as float32 in [0, 1]."""
        x = self.inputs[index]
        return (x.float() / 255 if x.dtype == torch.uint8 else x), self.labels[index]

    def select(self, index: Tensor | slice) -> "Split":
        """Return the split of the indexed examples; what is pseudo-labelled stays beside them."""
        return Split(self.inputs[index], self.labels[index], self.pseudo_labelled)

    def to(self, device: torch.device) -> "Split":
        """Return the split on a device."""
        further = None if self.pseudo_labelled is None else self.pseudo_labelled.to(device)
        return Split(self.inputs.to(device), self.labels.to(device), further)

    def joined(self, other: "Split") -> "Split":
        """Return the examples of both; pixels stay bytes where both have them."""
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
    """The least and largest value that an input may have."""

    @abstractmethod
    def train(self) -> Split:
        """Return the training split.

        Raises:
            InputError: a file is missing, corrupt or inconsistent; the message names the file and the fault.
        """

    @abstractmethod
    def test(self) -> Split:
        """Return the test split; raises as `train` does."""
