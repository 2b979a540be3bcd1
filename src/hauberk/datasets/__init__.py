"""Data sets: the bundled MNIST and readers of the formats that users have."""

from hauberk.datasets.idx import IdxFolder
from hauberk.datasets.mnist import MNIST
from hauberk.datasets.npz import NpzFile

__all__ = ["MNIST", "IdxFolder", "NpzFile"]
