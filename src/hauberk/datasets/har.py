"""HAR, human activities recorded by the sensors of a phone, in the published text files."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32, Int64
from torch import Tensor

from hauberk.concepts.dataset import Dataset, Split
from hauberk.errors import InputError
from hauberk.files import read_bytes

LARGEST = 2**28
"""Largest size of a file, in bytes; the largest published one has a quarter of it."""
FEATURES = 561
_FOLDER = "UCI HAR Dataset"


class HAR(Dataset):
    """Six activities from 561 features of acceleration and rotation, each scaled to [-1, 1]; 7,352 + 2,947 windows.

    Inputs are float32 (n, 561). The files' labels 1 to 6 become 0 to 5; the classes have the names in
    activity_labels.txt. The test split is read immediately and kept; `train` reads its files on each call (66 MB of
    text).

    Args:
        folder: The folder "UCI HAR Dataset", or the folder that it is in.

    Raises:
        InputError: a file is missing, or one of its lines is malformed; the message names file and line.

    Source: Anguita et al., "A public domain dataset for human activity recognition using smartphones", 2013.
    """

    name = "HAR"
    shape = (FEATURES,)
    range = (-1.0, 1.0)

    def __init__(self, folder: str) -> None:
        given = Path(folder)
        self._folder = given / _FOLDER if (given / _FOLDER).is_dir() else given
        self.classes = _parse_classes(self._folder / "activity_labels.txt")
        self._test = self._read("test")

    def train(self) -> Split:
        return self._read("train")

    def test(self) -> Split:
        return self._test

    def _read(self, split: str) -> Split:
        features, labels = (self._folder / split / f"{letter}_{split}.txt" for letter in "Xy")
        x, y = _parse_features(features), _parse_labels(labels, len(self.classes))
        if len(x) != len(y):
            raise InputError(f"{features} has {len(x)} lines, but {labels} {len(y)}; take both from one data set.")
        return Split(x, y)


def _parse_classes(file: Path) -> tuple[str, ...]:
    names = []
    for number, line in enumerate(_lines(file), 1):
        match line.split():
            case [label, name] if label == str(number):
                names.append(name)
            case _:
                raise InputError(f"{file}, line {number}: expected '{number} NAME', but found {line[:60]!r}; mend it.")
    return tuple(names)


def _parse_features(file: Path) -> Float32[Tensor, "n 561"]:
    rows = []
    for number, line in enumerate(_lines(file), 1):
        try:
            row = np.array([float(word) for word in line.split()], np.float32)
        except ValueError as error:
            raise InputError(f"{file}, line {number}: {error}; fetch the file again.") from error
        if len(row) != FEATURES:
            raise InputError(f"{file}, line {number} has {len(row)} numbers, not {FEATURES}; fetch the file again.")
        wrong = np.flatnonzero(~(np.abs(row) <= 1))  # in this form, NaN is wrong too
        if len(wrong):
            raise InputError(
                f"{file}, line {number}: feature {wrong[0] + 1} is {row[wrong[0]]}, outside [-1, 1]; scale the "
                "features as published or fetch the file again."
            )
        rows.append(row)
    return torch.from_numpy(np.stack(rows))


def _parse_labels(file: Path, classes: int) -> Int64[Tensor, "n"]:
    known = {str(label + 1): label for label in range(classes)}
    labels = []
    for number, line in enumerate(_lines(file), 1):
        if line.strip() not in known:
            raise InputError(
                f"{file}, line {number}: {line[:60]!r} is not a label in 1..{classes}; fetch the file again."
            )
        labels.append(known[line.strip()])
    return torch.tensor(labels)


def _lines(file: Path) -> list[str]:
    try:
        lines = read_bytes(file, LARGEST).decode("ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read as text ({error}); unpack the data set again.") from error
    if not lines:
        raise InputError(f"{file} is empty; unpack the data set again.")
    return lines
