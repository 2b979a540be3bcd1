"""SVHN, the street view house numbers, in the published MATLAB files."""

from pathlib import Path

import numpy as np
import torch

from hauberk.concepts.dataset import Dataset, Split
from hauberk.datasets.matlab import LARGEST, read_matlab
from hauberk.errors import InputError
from hauberk.files import read_bytes

HOME = "http://ufldl.stanford.edu/housenumbers"


class SVHN(Dataset):
    """Cropped digits of house numbers: 73,257 training and 26,032 test images of 3 x 32 x 32 uint8 pixels.

    The files contain X (32, 32, 3, n) and y (n, 1), in which 10 stands for the digit 0. Untrusted files are safe to
    read: only X and y are built, and only as arrays of numbers (`read_matlab`). The test split is read immediately and
    kept; `train` reads its file on each call.

    Args:
        folder: The folder of train_32x32.mat and test_32x32.mat.

    Raises:
        InputError: a file is missing, corrupt or contains other arrays; the message names the file and the fault.

    Source: Netzer et al., "Reading digits in natural images with unsupervised feature learning", 2011, format 2.
    """

    name = "SVHN"
    classes = tuple(map(str, range(10)))
    shape = (3, 32, 32)
    range = (0.0, 1.0)

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder)
        self._test = _read(self._folder / "test_32x32.mat")

    def train(self) -> Split:
        return _read(self._folder / "train_32x32.mat")

    def test(self) -> Split:
        return self._test


def _read(file: Path) -> Split:
    try:
        content = read_bytes(file, LARGEST)
    except OSError as error:
        raise InputError(
            f"{file} cannot be read ({error}); put train_32x32.mat and test_32x32.mat of {HOME} there."
        ) from error
    arrays = read_matlab(content, str(file), ("X", "y"))
    if len(arrays) < 2:
        raise InputError(f"{file} must hold X and y, but has only {', '.join(arrays) or 'others'}; fetch it again.")
    x, y = arrays["X"], arrays["y"]
    if x.dtype != np.uint8 or x.ndim != 4 or x.shape[:3] != (32, 32, 3) or x.size == 0:
        raise InputError(f"{file}: X must be uint8 (32, 32, 3, n), but is {x.dtype} {x.shape}; fetch it again.")
    if y.shape != (x.shape[3], 1):
        raise InputError(f"{file}: y must be ({x.shape[3]}, 1), but is {y.shape}; fetch it again.")
    wrong = np.flatnonzero(~np.isin(y, np.arange(1, 11)))
    if len(wrong):
        first = wrong[0]
        raise InputError(
            f"{file}: label {y[first, 0]} at position {first} is not a digit, 1 to 9 or 10 for 0; fetch it again."
        )
    images = np.ascontiguousarray(x.transpose(3, 2, 0, 1))
    return Split(torch.from_numpy(images), torch.from_numpy(y[:, 0].astype(np.int64) % 10))
