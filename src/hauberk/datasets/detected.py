"""Data sets by their files alone."""

from collections.abc import Callable
from pathlib import Path

from hauberk.concepts.dataset import Dataset
from hauberk.datasets.cifar import CIFAR10, CIFAR100
from hauberk.datasets.csv_file import CsvFile
from hauberk.datasets.har import HAR
from hauberk.datasets.idx import IdxFolder
from hauberk.datasets.image_folder import ImageFolder
from hauberk.datasets.npz import NpzFile
from hauberk.datasets.svhn import SVHN
from hauberk.errors import InputError

ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
FOLDERS: tuple[tuple[str, Callable[[str], Dataset]], ...] = (
    ("t10k-images?idx3-ubyte*", IdxFolder),
    ("test_batch", CIFAR10),
    ("cifar-10-batches-py", CIFAR10),
    ("cifar-100-python", CIFAR100),
    ("test_32x32.mat", SVHN),
    ("UCI HAR Dataset", HAR),
    ("activity_labels.txt", HAR),
)
"""Files that a folder holds, and the data set that it then is."""
KINDS = (
    "an .npz file, a table (.csv, .tsv), a folder of IDX files (MNIST), CIFAR batches, SVHN's .mat files or HAR, or a "
    "folder or tar archive of images, test/<class>/<file>"
)


def detected(
    path: str, *, within: tuple[float, float] | None = None, size: int | None = None, channels_last: bool = False
) -> Dataset:
    """Return the data set in a file or folder, whose kind its names tell.

    Args:
        path: the file or folder.
        within: the least and largest valid value, for numbers that are no pixels.
        size: pixels on each side of an input, for folders of images.
        channels_last: True if arrays of images have their channels last.

    Raises:
        InputError: it is of no known kind, or is damaged; the message says which kinds there are.
    """
    place = Path(path)
    if place.is_dir():
        for pattern, kind in FOLDERS:
            if any(place.glob(pattern)):
                return kind(path)
        if any(place.glob("t*st/*/*")) or any(place.glob("val/*/*")):
            return images(path, size)
    elif place.suffix == ".npz":
        return NpzFile(path, channels_last=channels_last, range=within or (0.0, 1.0))
    elif place.suffix in (".csv", ".tsv"):
        return CsvFile(path, range=within)
    elif place.name.startswith("cifar-100") and place.name.endswith(ARCHIVES):
        return CIFAR100(path)
    elif place.name.startswith("cifar-10-") and place.name.endswith(ARCHIVES):
        return CIFAR10(path)
    elif place.name.endswith(ARCHIVES):
        return images(path, size)
    what = "is of no known kind" if place.exists() else "is missing"
    raise InputError(f"{path} {what}: data are {KINDS}.")


def images(path: str, size: int | None) -> ImageFolder:
    """Return a folder of images.

    Raises:
        InputError: their size is not given.
    """
    if size is None:
        raise InputError(f"{path} holds images of any size: say how many pixels the network takes on a side (size).")
    return ImageFolder(path, size)
