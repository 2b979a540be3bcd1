"""Data sets: the bundled MNIST, points in the plane, synthetic patterns, and readers of common file formats."""

from hauberk.datasets.cifar import CIFAR10, CIFAR100
from hauberk.datasets.csv_file import CsvFile
from hauberk.datasets.detected import detected
from hauberk.datasets.generated import Generated
from hauberk.datasets.har import HAR
from hauberk.datasets.idx import IdxFolder
from hauberk.datasets.image_folder import ImageFolder
from hauberk.datasets.mnist import MNIST
from hauberk.datasets.npz import NpzFile
from hauberk.datasets.points import Points
from hauberk.datasets.pseudo_labelled import PseudoLabelled
from hauberk.datasets.selected import Selected
from hauberk.datasets.subset import Subset
from hauberk.datasets.svhn import SVHN
from hauberk.datasets.torch_pair import TorchPair

__all__ = [
    "CIFAR10",
    "CIFAR100",
    "HAR",
    "MNIST",
    "SVHN",
    "CsvFile",
    "Generated",
    "IdxFolder",
    "ImageFolder",
    "NpzFile",
    "Points",
    "PseudoLabelled",
    "Selected",
    "Subset",
    "TorchPair",
    "detected",
]
