"""Data sets with additional examples labelled by a network."""

import torch
from jaxtyping import Int64
from torch import Tensor, nn

from hauberk.concepts.dataset import Dataset, Split
from hauberk.concepts.subject import labels_of
from hauberk.errors import InputError
from hauberk.weights import load_weights

BATCH = 500
"""Number of inputs labelled at a time."""


class PseudoLabelled(Dataset):
    """A data set with additional training inputs, labelled by a trained network, that make up half of each batch.

    In a recipe, the network states the shape of its inputs and its number of classes itself:

        class: datasets.PseudoLabelled
        labelled: {class: datasets.Subset, data: datasets.MNIST, train: 1000}
        pool: datasets.MNIST
        network: {class: architectures.Small, shape: [1, 28, 28], classes: 10}
        weights: runs/labeller/model.safetensors

    Each call of `train` labels the pool, on the accelerator if there is one.

    Args:
        labelled: The data set with labels, which also provides the test split.
        pool: The data set whose training inputs are added; its labels are ignored.
        network: The network that labels them, in eval mode.
        weights: The network's trained weights, a file written by safetensors or torch.save.

    Raises:
        InputError: the pool's inputs have another shape or range; later, when the training split is read, the weights
            are missing, damaged or those of another network, or the network does not label the pool.

    Source: Carmon et al. 2019; Rice, Wong & Kolter 2020.
    """

    def __init__(self, labelled: Dataset, pool: Dataset, network: nn.Module, weights: str) -> None:
        for name in ("shape", "range"):
            own, other = getattr(labelled, name), getattr(pool, name)
            if tuple(own) != tuple(other):
                raise InputError(f"the pool {pool.name} has {name} {other}, but {labelled.name} has {own}.")
        self._labelled, self._pool, self._network, self._weights = labelled, pool, network, weights
        self.name = f"{labelled.name} and pseudo-labelled {pool.name}"
        self.classes, self.shape, self.range = labelled.classes, labelled.shape, labelled.range

    def train(self) -> Split:
        load_weights(self._network, self._weights)
        own, pool = self._labelled.train(), self._pool.train()
        return Split(own.inputs, own.labels, Split(pool.inputs, self._labels(pool)))

    def test(self) -> Split:
        return self._labelled.test()

    def _labels(self, split: Split) -> Int64[Tensor, "n"]:
        """Return the network's labels of a split's inputs."""
        device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
        network, starts = self._network.to(device).eval(), range(0, len(split), BATCH)
        with torch.no_grad():
            logits = [network(split.batch(slice(start, start + BATCH))[0].to(device)) for start in starts]
        labels = labels_of(torch.cat(logits)).cpu()
        if not (labels.min() >= 0 and labels.max() < len(self.classes)):
            raise InputError(
                f"the network of {self._weights} must label {self._pool.name} by {len(self.classes)} classes, but its "
                f"answers reach from {labels.min()} to {labels.max()} (-1 where logits are no numbers)."
            )
        return labels
