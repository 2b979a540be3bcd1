"""Photographs in class folders, on disk or in a tar archive."""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import islice
from pathlib import Path

import torch
from jaxtyping import UInt8
from torch import Tensor

from hauberk.concepts.dataset import Dataset, Split
from hauberk.datasets.file_tree import open_tree
from hauberk.datasets.image_file import LARGEST, decode
from hauberk.datasets.stored import open_images, write_images
from hauberk.errors import InputError
from hauberk.ranges import Count, Natural

CHUNK = 64
"""Number of files read before their images are decoded."""

_TESTS = ("test", "val")


class ImageFolder(Dataset):
    """JPEG and PNG images as train/<class>/<file> and test/<class>/<file>; val/ is read if test/ has no images.

    An image is resized in proportion until its shorter side has `resize` pixels (bilinear, antialiased), and its centre
    is kept as uint8 RGB, (n, 3, size, size): 3 size^2 + 8 bytes with its label, 8 GiB for 57,000 of 224 x 224.
    Grey, palette and CMYK images become RGB, transparency is dropped, EXIF orientation is ignored. Classes are
    numbered in the order of their names; their images take turns, sorted by name, so that the first few cover all
    classes. Hidden files are skipped. The test split is read immediately and kept; `train` reads its images on each
    call.

    Args:
        path: The folder that contains train and test, or a tar archive (.tar, .tar.gz, .tar.bz2, .tar.xz) with them at
            its top. An archive is not unpacked; listing it at construction and reading a split each read it once.
        size: Pixels on each side of an input.
        resize: Pixels on the shorter side of an image before its centre is taken; by default `size`.
        memory: The largest size of one split's tensors, in bytes; with `cache` they take none.
        name: The data set's name in records and tables; by default the file's name up to its first dot.
        cache: A folder for the decoded images, one file for each split and each version of the images. They are decoded
            once, stay on disk, and batches are read from there. If several processes train, let one create it first.

    Raises:
        InputError: a split is missing or needs more than `memory`, a class is missing in one split, a file is not an
            image, truncated, too large or gone, an archive contains links or names that lead out of it, or the cache
            cannot be written or is truncated; the message names it.
    """

    def __init__(
        self,
        path: str,
        size: Count,
        resize: Count | None = None,
        memory: Natural = 8 * 2**30,
        name: str | None = None,
        cache: str | None = None,
    ) -> None:
        self._resize = size if resize is None else resize
        if not 1 <= size <= self._resize:
            raise InputError(f"ImageFolder needs 1 <= size <= resize, but has size {size} and resize {self._resize}.")
        if self._resize**2 > LARGEST:
            raise InputError(f"ImageFolder resizes to at most {LARGEST:,} pixels, but {self._resize}^2 are more.")
        self._tree = open_tree(Path(path), "train/<class>/<file> and test/<class>/<file>, or val/<class>/<file>")
        self._memory = memory
        self._cache = None if cache is None else Path(cache)
        self.name = Path(path).resolve().name.split(".")[0] if name is None else name
        self.shape = (3, size, size)
        self.range = (0.0, 1.0)
        self._files: dict[str, list[str]] = {}
        for file in self._tree.names(depth=3):
            if not any(part.startswith(".") for part in file.split("/")):
                self._files.setdefault(file.split("/")[0], []).append(file)
        self._test_folder = next((folder for folder in _TESTS if folder in self._files), _TESTS[0])
        self.classes = tuple(sorted(self._classes_of(self._test_folder)))
        self._require_same_classes()
        self._test = self._read(self._test_folder)

    def train(self) -> Split:
        return self._read("train")

    def test(self) -> Split:
        return self._test

    def _classes_of(self, folder: str) -> set[str]:
        return {file.split("/")[1] for file in self._files.get(folder, [])}

    def _require_same_classes(self) -> None:
        train, test = self._classes_of("train"), set(self.classes)
        if train and test and train != test:
            where, missing = ("train", test - train) if test - train else (self._test_folder, train - test)
            raise InputError(
                f"{self._tree.path}: {where} has no images of {', '.join(sorted(missing))}, but the other split has; "
                "give both splits the same classes."
            )

    def _read(self, folder: str) -> Split:
        files = in_turns(self._files.get(folder, []))
        self._require_readable(folder, files)
        numbers = {name: label for label, name in enumerate(self.classes)}
        labels = torch.tensor([numbers[file.split("/")[1]] for file in files])
        if self._cache is not None:
            stored = self._cache / f"{folder}-{self._version(files)}.uint8"
            if not stored.exists():
                write_images(stored, self._decoded(files))
            return Split(open_images(stored, len(files), self.shape), labels, stays=True)
        images = torch.empty(len(files), *self.shape, dtype=torch.uint8)
        for position, image in self._decoded(files):
            images[position] = image
        return Split(images, labels)

    def _decoded(self, files: list[str]) -> Iterator[tuple[int, UInt8[Tensor, "3 size size"]]]:
        """Yield the images with their positions among the files; they are decoded in parallel threads."""
        positions = {file: position for position, file in enumerate(files)}

        def image(item: tuple[str, bytes]) -> tuple[int, UInt8[Tensor, "3 size size"]]:
            file, content = item
            return positions[file], decode(content, f"{self._tree.path}: {file}", self.shape[-1], self._resize)

        contents, left = self._tree.read(files, LARGEST), set(files)
        with ThreadPoolExecutor() as pool:
            while chunk := list(islice(contents, CHUNK)):
                left.difference_update(file for file, _ in chunk)
                yield from pool.map(image, chunk)
        if left:
            raise InputError(f"{self._tree.path}: {min(left)} is gone since it was listed; leave the images in place.")

    def _version(self, files: list[str]) -> str:
        """Return a hash that distinguishes the decoded images of these files from any others."""
        facts = [self._tree.path.resolve().as_posix(), self.shape[-1], self._resize, self._tree.versions(files)]
        return sha256(json.dumps(facts).encode()).hexdigest()[:16]

    def _require_readable(self, folder: str, files: list[str]) -> None:
        """Raise if a split is known to be unreadable before any image is read."""
        if not files:
            raise InputError(f"{self._tree.path} has no images {folder}/<class>/<file>; put the folder {folder} there.")
        for file in files:
            if not file.lower().endswith((".jpg", ".jpeg", ".png")):
                raise InputError(f"{self._tree.path}: {file} is neither .jpg, .jpeg nor .png; convert or remove it.")
        needed = len(files) * (3 * self.shape[-1] ** 2 + 8)
        if self._cache is None and needed > self._memory:
            raise InputError(
                f"{self._tree.path}: the {len(files)} images of {folder} need {needed} bytes as {self.shape} uint8, "
                f"but memory is {self._memory}; give a folder for the images' cache, or allow more memory."
            )


def in_turns(files: list[str]) -> list[str]:
    """Return the files of class folders in turn: the first of each class, then the second of each, and so on."""
    seen: Counter[str] = Counter()
    turns = {}
    for file in sorted(files):
        folder = file.rpartition("/")[0]
        turns[file] = seen[folder], folder
        seen[folder] += 1
    return sorted(turns, key=turns.__getitem__)
