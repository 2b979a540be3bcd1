"""The idx format of the MNIST files, and folders of four such files (MNIST, Fashion-MNIST, ...)."""

import math
from io import BytesIO
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from hauberk.concepts.dataset import Dataset, Split
from hauberk.datasets.compressed import DAMAGE, Bounded
from hauberk.errors import InputError
from hauberk.files import read_bytes

LARGEST = 2**33
"""Largest size of a file, in bytes."""


class IdxFolder(Dataset):
    """The data set in a folder of the four original files, gzipped or not.

    The files are train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and t10k-labels-idx1-ubyte; a
    dot in place of the hyphen before "idx" and a suffix .gz are accepted. Inputs are uint8 pixels (n, 1, h, w). The
    test split, which fixes the shape of the inputs, is read immediately and kept; `train` reads its files on each call.

    Args:
        folder: The folder of the files.
        name: The data set's name in records and tables; by default the name of the folder.
        classes: The names of the classes in label order; by default the digits 0 to 9.

    Raises:
        InputError: a file is missing, corrupt or inconsistent; the message names the file and the fault.

    Source: LeCun, Cortes & Burges, "The MNIST database of handwritten digits", file formats.
    """

    def __init__(self, folder: str, name: str | None = None, classes: list[str] | None = None) -> None:
        self._folder = Path(folder)
        self.name = self._folder.resolve().name if name is None else name
        self.classes = tuple(map(str, range(10))) if classes is None else tuple(classes)
        self.range = (0.0, 1.0)
        self._test = self._read("t10k")
        self.shape = tuple(self._test.inputs.shape[1:])

    def train(self) -> Split:
        split = self._read("train")
        if split.inputs.shape[1:] != self.shape:
            raise InputError(
                f"{self._folder}: the training images are {tuple(split.inputs.shape[1:])}, but the test images "
                f"{self.shape} (channels, height, width); take all four files from one data set."
            )
        return split

    def test(self) -> Split:
        return self._test

    def _read(self, prefix: str) -> Split:
        images = self._find(f"{prefix}-images", dimensions=3)
        labels = self._find(f"{prefix}-labels", dimensions=1)
        return parse_split(_contents(images), str(images), _contents(labels), str(labels), len(self.classes))

    def _find(self, stem: str, dimensions: int) -> Path:
        names = [f"{stem}{mark}idx{dimensions}-ubyte{suffix}" for mark in "-." for suffix in ("", ".gz")]
        for name in names:
            if (self._folder / name).is_file():
                return self._folder / name
        raise InputError(f"{self._folder} has none of the files {', '.join(names)}; put one of them there.")


def parse_split(images: bytes, images_file: str, labels: bytes, labels_file: str, classes: int) -> Split:
    """Return the split in the contents of an images file and a labels file; messages use the file names.

    Raises:
        InputError: a file is corrupt, a label is not below `classes`, or the files differ in the number of examples.
    """
    x, y = parse_idx(images, images_file, dimensions=3), parse_idx(labels, labels_file, dimensions=1)
    if len(x) != len(y):
        raise InputError(
            f"{images_file} holds {len(x)} images, but {labels_file} {len(y)} labels; take both from one data set."
        )
    wrong = (y >= classes).nonzero()
    if len(wrong):
        first = int(wrong[0])
        raise InputError(
            f"{labels_file}: label {int(y[first])} at position {first} lies outside 0..{classes - 1}; "
            f"name all classes of the data set (now {classes}) or mend the file."
        )
    return Split(x[:, None], y.long())


def parse_idx(content: bytes, file: str, dimensions: int) -> UInt8[Tensor, "..."]:
    """Return the tensor of unsigned bytes in the content of an idx file, gzipped or not.

    Raises:
        InputError: the gzip data, magic number, sizes or length are wrong; the message names `file` and the fault.
    """
    mend, start = "fetch the file again.", 4 + 4 * dimensions
    if content[:2] == b"\x1f\x8b":  # by content, not by name: browsers may unpack files but keep the suffix
        try:
            content = _inflated(content, start)
        except DAMAGE as error:
            raise InputError(f"{file}: broken gzip data ({error}); {mend}") from error
    magic = bytes([0, 0, 8, dimensions])
    if content[:4] != magic:
        raise InputError(
            f"{file} starts with the bytes {content[:4].hex() or '(none)'}, but the magic number of unsigned bytes in "
            f"{dimensions} dimensions is {magic.hex()}; check that the file is what its name says, or {mend}"
        )
    if len(content) < start:
        raise InputError(f"{file} is truncated: its header has {start} bytes, but the file only {len(content)}; {mend}")
    sizes = _sizes(content[:start])
    if 0 in sizes:
        raise InputError(f"{file} is empty: its header says {' x '.join(map(str, sizes))}; {mend}")
    if len(content) != start + math.prod(sizes):
        fault = "is truncated" if len(content) < start + math.prod(sizes) else "has trailing bytes"
        raise InputError(
            f"{file} {fault}: its header says {' x '.join(map(str, sizes))} = {math.prod(sizes)} bytes, "
            f"but {len(content) - start} follow; {mend}"
        )
    return torch.from_numpy(np.frombuffer(content, np.uint8, offset=start).reshape(sizes).copy())


def _inflated(content: bytes, start: int) -> bytes:
    """Return what gzip data become, at most a byte more than the header of `start` bytes promises."""
    with Bounded(BytesIO(content), len(content)) as stream:
        header = stream.read(start)
        return header + stream.read(math.prod(_sizes(header)) + 1)


def _sizes(header: bytes) -> list[int]:
    return [int.from_bytes(header[at : at + 4], "big") for at in range(4, len(header), 4)]


def _contents(file: Path) -> bytes:
    try:
        return read_bytes(file, LARGEST)
    except OSError as error:
        raise InputError(f"{file} cannot be read ({error}); check its permissions.") from error
