"""Data sets in NumPy's .npz files."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Int64, Shaped
from torch import Tensor

from hauberk.concepts.dataset import Dataset, Split, numbered
from hauberk.concepts.radius import require_within
from hauberk.datasets.npz_archive import load_arrays
from hauberk.errors import InputError, ShapeError

_TRAIN_KEYS = [("x_train", "y_train"), ("train_images", "train_labels")]
_TEST_KEYS = [("x_test", "y_test"), ("test_images", "test_labels")]
_SINGLE_KEYS = [("images", "labels")]


class NpzFile(Dataset):
    """Images and labels in one .npz file for both splits, or in one file for each.

    Images are uint8 pixels, or floating-point numbers within `range` (kept as float32), in the order (n, channels,
    height, width); (n, height, width) gets one channel. Floating-point arrays (n, features) stay as they are. Labels
    are integers, (n,) or (n, 1). Arrays of Python objects are rejected: reading them would run code from the file. The
    test split, which fixes the shape of the inputs, is read immediately and kept; `train` reads its file on each call.

    Args:
        path: The file; with `test_path`, the file of the training split.
        test_path: The file of the test split, if it is a different one.
        train_keys: The names of the training images and labels in the file. By default x_train and y_train, or
            train_images and train_labels; with `test_path` also images and labels.
        test_keys: The names of the test images and labels. By default x_test and y_test, or test_images and
            test_labels, or images and labels: a file with that one pair is a test split.
        channels_last: True: the images are stored as (n, height, width, channels) and are transposed. This is never
            guessed: without it, images that look like this are rejected.
        classes: The names of the classes in label order; by default the numbers up to the test split's largest label.
        range: The least and largest value that a floating-point input may have; pixels become 0 to 1.
        name: The data set's name in records and tables; by default the file's name without its suffix.

    Raises:
        InputError: a file or an array is missing, corrupt or inconsistent; the message names the file and the fault.
        ShapeError: an array has the wrong shape or element type.
    """

    def __init__(
        self,
        path: str,
        test_path: str | None = None,
        train_keys: tuple[str, str] | None = None,
        test_keys: tuple[str, str] | None = None,
        channels_last: bool = False,
        classes: list[str] | None = None,
        range: tuple[float, float] = (0.0, 1.0),
        name: str | None = None,
    ) -> None:
        self.name = Path(path).stem if name is None else name
        self.range = range
        self._path = path
        self._channels_last = channels_last
        default_train_keys = _TRAIN_KEYS if test_path is None else _TRAIN_KEYS + _SINGLE_KEYS
        self._train_keys = default_train_keys if train_keys is None else [train_keys]
        test_file = path if test_path is None else test_path
        self._test = self._read(test_file, _TEST_KEYS + _SINGLE_KEYS if test_keys is None else [test_keys], "test")
        self.shape = tuple(self._test.inputs.shape[1:])
        self.classes = numbered(1 + int(self._test.labels.max()), path) if classes is None else tuple(classes)
        self._require_classes(self._test, test_file)

    def train(self) -> Split:
        split = self._read(self._path, self._train_keys, "train")
        if split.inputs.shape[1:] != self.shape:
            raise ShapeError(
                f"{self._path}: the training images are {tuple(split.inputs.shape[1:])}, but the test images "
                f"{self.shape} (channels, height, width); take both from one data set."
            )
        self._require_classes(split, self._path)
        return split

    def test(self) -> Split:
        return self._test

    def _read(self, path: str, keys: list[tuple[str, str]], split: str) -> Split:
        images, labels = load_arrays(path, keys, split)
        x = _parse_images(*images, self._channels_last, self.range)
        y = _parse_labels(*labels)
        if len(x) != len(y):
            raise InputError(
                f"{images[0]} holds {len(x)} images, but {labels[0]} {len(y)} labels; save one label each."
            )
        return Split(x, y)

    def _require_classes(self, split: Split, path: str) -> None:
        largest, classes = int(split.labels.max()), len(self.classes)
        if largest >= classes:
            raise InputError(
                f"{path}: label {largest} lies outside 0..{classes - 1}; pass the names of all classes as `classes`."
            )


def _parse_images(
    where: str, array: np.ndarray, channels_last: bool, within: tuple[float, float]
) -> Shaped[Tensor, "n *x"]:
    if array.dtype != np.uint8 and array.dtype.kind != "f":
        raise ShapeError(
            f"{where}: images must be uint8 or floating point, but are {array.dtype}; save pixels as uint8."
        )
    if array.ndim == 2 and array.size and array.dtype.kind == "f":
        return _require_range(where, array, within)
    if array.ndim == 3:
        array = array[:, None]
    elif array.ndim == 4 and channels_last:
        array = np.moveaxis(array, -1, 1)
    elif array.ndim == 4 and array.shape[3] in (1, 3) and array.shape[1] not in (1, 3):
        raise ShapeError(
            f"{where}: images must be (n, channels, height, width), but shape {array.shape} seems to have its channels "
            "last; pass channels_last=True."
        )
    if array.ndim != 4 or array.size == 0:
        raise ShapeError(
            f"{where}: images must be non-empty, (n, height, width) or (n, channels, height, width), "
            f"but have shape {array.shape}; reshape them."
        )
    if array.dtype == np.uint8:
        if tuple(within) != (0.0, 1.0):
            raise InputError(f"{where}: uint8 pixels become 0 to 1, but `range` is {within}; leave it out.")
        return torch.from_numpy(np.ascontiguousarray(array))
    return _require_range(where, array, within)


def _require_range(where: str, array: np.ndarray, within: tuple[float, float]) -> Float32[Tensor, "n *x"]:
    """Return floating-point inputs, or raise if they leave the range."""
    x = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
    try:
        require_within(x, *within)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return x


def _parse_labels(where: str, array: np.ndarray) -> Int64[Tensor, "n"]:
    if array.dtype.kind not in "iu":
        raise ShapeError(f"{where}: labels must be integers, but are {array.dtype}; save them as int64.")
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise ShapeError(
            f"{where}: labels must be one integer per image, but have shape {array.shape}; one-hot: argmax(axis=1)."
        )
    y = torch.from_numpy(array.astype(np.int64))
    if len(y) and int(y.min()) < 0:
        raise InputError(f"{where}: label {int(y.min())} is negative; number the classes from 0.")
    return y
