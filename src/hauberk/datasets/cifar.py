"""CIFAR-10 and CIFAR-100 in the "Python version" in which they are published."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from hauberk.concepts.dataset import Dataset, Split
from hauberk.datasets.file_tree import open_tree
from hauberk.datasets.restricted_pickle import read_plain_pickle
from hauberk.errors import InputError

HOME = "https://www.cs.toronto.edu/~kriz/cifar.html"


class _PythonVersion(Dataset):
    """Batches of 3,072 bytes per image: its red, green and blue planes of 32 x 32 pixels, row by row.

    Args:
        path: The folder of the files, the folder that it is in, or the archive as published.
        classes: The names of the classes, used if the file of names is missing.
        labels_key: The key of the labels in each batch.
        names_key: The key of the classes' names in the file of names.
    """

    shape = (3, 32, 32)
    range = (0.0, 1.0)
    _archive: str
    _folder: str
    _train_files: tuple[str, ...]
    _test_file: str
    _meta_file: str
    _largest: int
    """Largest size of a file, in bytes, a little above that of the largest published one."""

    def __init__(self, path: str, classes: tuple[str, ...], labels_key: str, names_key: str) -> None:
        given = Path(path)
        root = given / self._folder if (given / self._folder).is_dir() else given
        self._tree = open_tree(root, f"{self._archive}, unpacked or not, of {HOME}")
        self._prefix = f"{self._folder}/" if root.is_file() else ""
        self._labels_key = labels_key
        self.classes = classes
        files = self._read((self._test_file, self._meta_file), optional=self._meta_file)
        if self._meta_file in files:
            self.classes = self._names(files[self._meta_file], names_key)
        self._test = self._split(files, (self._test_file,))

    def train(self) -> Split:
        return self._split(self._read(self._train_files), self._train_files)

    def test(self) -> Split:
        return self._test

    def _where(self, file: str) -> str:
        return str(self._tree.path / (self._prefix + file))

    def _read(self, files: tuple[str, ...], optional: str = "") -> dict[str, dict[str, Any]]:
        """Return the dicts in the files, with keys as str: Python 2 wrote bytes."""
        contents = dict(self._tree.read([self._prefix + file for file in files], self._largest))
        missing = [file for file in files if self._prefix + file not in contents and file != optional]
        if missing:
            raise InputError(
                f"{self._tree.path} lacks {', '.join(missing)}; give the folder {self._folder}, the folder that it is "
                "in, or the archive as published."
            )
        found = {}
        for file in files:
            if self._prefix + file in contents:
                entries = read_plain_pickle(contents.pop(self._prefix + file), self._where(file))
                found[file] = {_text(key): value for key, value in entries.items()}
        return found

    def _names(self, entries: dict[str, Any], key: str) -> tuple[str, ...]:
        names = entries.get(key)
        if not isinstance(names, list) or len(names) != len(self.classes):
            raise InputError(
                f"{self._where(self._meta_file)} holds no list {key!r} of {len(self.classes)} class names; fetch the "
                "data set again, or remove this file to go without it."
            )
        return tuple(map(_text, names))

    def _split(self, batches: dict[str, dict[str, Any]], files: tuple[str, ...]) -> Split:
        pixels, labels = [], []
        for file in files:
            pixels.append(_pixels(batches[file].get("data"), self._where(file)))
            labels.append(self._labels(batches[file].get(self._labels_key), len(pixels[-1]), self._where(file)))
        return Split(torch.from_numpy(np.concatenate(pixels)), torch.cat(labels))

    def _labels(self, labels: Any, count: int, where: str) -> Int64[Tensor, "n"]:
        if not isinstance(labels, list) or len(labels) != count:
            raise InputError(f"{where} holds no list {self._labels_key!r} of {count} labels; fetch the data set again.")
        for position, label in enumerate(labels):
            if type(label) is not int or not 0 <= label < len(self.classes):
                raise InputError(
                    f"{where}: the label at position {position} of {self._labels_key!r} is not an integer in "
                    f"0..{len(self.classes) - 1}; fetch the data set again."
                )
        return torch.tensor(labels)


class CIFAR10(_PythonVersion):
    """60,000 photographs of ten kinds of animals and vehicles: 3 x 32 x 32 uint8 pixels, 50,000 of them for training.

    Files are read as data: no instruction of a pickle is ever run (`read_plain_pickle`). Without batches.meta, the
    classes have their published names. The test split is read immediately and kept; `train` reads its five files on
    each call (150 MB).

    Args:
        folder: The folder cifar-10-batches-py, the folder that it is in, or the archive cifar-10-python.tar.gz.

    Raises:
        InputError: a file is missing, corrupt or contains anything but images and labels; the message names it.

    Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """

    name = "CIFAR-10"
    _archive = "cifar-10-python.tar.gz"
    _folder = "cifar-10-batches-py"
    _train_files = tuple(f"data_batch_{number}" for number in (1, 2, 3, 4, 5))
    _test_file = "test_batch"
    _meta_file = "batches.meta"
    _largest = 2**25

    def __init__(self, folder: str) -> None:
        classes = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
        super().__init__(folder, classes, "labels", "label_names")


class CIFAR100(_PythonVersion):
    """60,000 photographs like CIFAR-10's, of a hundred classes in twenty groups; 50,000 of them for training.

    Read in the same way as `CIFAR10`. Without the file meta, the classes are numbers.

    Args:
        folder: The folder cifar-100-python, the folder that it is in, or the archive cifar-100-python.tar.gz.
        coarse: True: the labels are the twenty groups; False: the hundred classes.

    Raises:
        InputError: as for `CIFAR10`.

    Source: Krizhevsky, "Learning multiple layers of features from tiny images", 2009.
    """

    _archive = "cifar-100-python.tar.gz"
    _folder = "cifar-100-python"
    _train_files = ("train",)
    _test_file = "test"
    _meta_file = "meta"
    _largest = 160 * 10**6

    def __init__(self, folder: str, coarse: bool = False) -> None:
        kind, count = ("coarse", 20) if coarse else ("fine", 100)
        self.name = "CIFAR-100, coarse" if coarse else "CIFAR-100"
        super().__init__(folder, tuple(map(str, range(count))), f"{kind}_labels", f"{kind}_label_names")


def _pixels(data: Any, where: str) -> np.ndarray:
    if not isinstance(data, np.ndarray) or data.ndim != 2 or data.shape[1] != 3072 or len(data) == 0:
        found = data.shape if isinstance(data, np.ndarray) else type(data).__name__
        raise InputError(f"{where}: 'data' must be an array (n, 3072) of pixels, but is {found}; fetch it again.")
    return data.reshape(-1, 3, 32, 32)


def _text(value: Any) -> str:
    return value.decode("latin1") if isinstance(value, bytes) else str(value)
