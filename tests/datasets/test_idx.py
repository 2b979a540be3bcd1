"""Folders of idx files: what is read, and that every fault names its file."""

import gzip

import numpy as np
import pytest
import torch

from hauberk.datasets import IdxFolder
from hauberk.errors import InputError

HEIGHT, WIDTH = 4, 3


def idx(array):
    """The idx content of an array of unsigned bytes."""
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + sizes + array.astype(np.uint8).tobytes()


def pixels(n):
    return np.arange(n * HEIGHT * WIDTH).reshape(n, HEIGHT, WIDTH) % 251


@pytest.fixture
def folder(tmp_path):
    """A valid data set of 7 training and 5 test examples."""
    for prefix, n in [("train", 7), ("t10k", 5)]:
        (tmp_path / f"{prefix}-images-idx3-ubyte").write_bytes(idx(pixels(n)))
        (tmp_path / f"{prefix}-labels-idx1-ubyte").write_bytes(idx(np.arange(n)))
    return tmp_path


def assert_refused(folder, file, fault):
    """Both the constructor and `train` read; either must name the file and the fault."""
    with pytest.raises(InputError) as caught:
        IdxFolder(str(folder)).train()
    assert file in str(caught.value)
    assert fault in str(caught.value)


def assert_tiny(dataset):
    train, test = dataset.train(), dataset.test()
    assert (len(train), len(test)) == (7, 5)
    assert train.inputs.dtype == torch.uint8
    assert train.labels.dtype == torch.int64
    assert train.inputs.shape == (7, 1, HEIGHT, WIDTH)
    assert np.array_equal(train.inputs[:, 0].numpy(), pixels(7))
    assert test.labels.tolist() == [0, 1, 2, 3, 4]
    assert dataset.shape == (1, HEIGHT, WIDTH)


def test_reads_plain_files(folder):
    assert_tiny(IdxFolder(str(folder)))


def test_reads_gzipped_files_with_dots(folder):
    for file in list(folder.iterdir()):
        (folder / (file.name.replace("-idx", ".idx") + ".gz")).write_bytes(gzip.compress(file.read_bytes()))
        file.unlink()
    assert_tiny(IdxFolder(str(folder)))


def test_reads_files_unpacked_under_their_gzip_name(folder):
    for file in list(folder.iterdir()):
        file.rename(file.with_name(file.name + ".gz"))
    assert_tiny(IdxFolder(str(folder)))


def test_knows_name_classes_and_range(folder):
    default, named = IdxFolder(str(folder)), IdxFolder(str(folder), name="Fashion", classes=list("abcdefg"))
    assert (default.name, default.classes) == (folder.name, tuple("0123456789"))
    assert (named.name, named.classes) == ("Fashion", tuple("abcdefg"))
    assert default.range == (0.0, 1.0)


def test_batches_are_floats_up_to_one(folder):
    x, y = IdxFolder(str(folder)).train().batch(torch.tensor([6, 0]))
    assert x.dtype == torch.float32
    assert torch.equal(x[1, 0], torch.arange(12.0).reshape(HEIGHT, WIDTH) / 255)
    assert y.tolist() == [6, 0]


@pytest.mark.parametrize("file", ["t10k-images-idx3-ubyte", "train-labels-idx1-ubyte"])
def test_refuses_a_missing_file(folder, file):
    (folder / file).unlink()
    assert_refused(folder, file, "has none of the files")


def test_refuses_a_missing_folder(tmp_path):
    assert_refused(tmp_path / "absent", "absent", "has none of the files")


IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@pytest.mark.parametrize(
    ("file", "content", "fault"),
    [
        (IMAGES, idx(np.arange(7)), "magic number"),
        (LABELS, idx(pixels(7)), "magic number"),
        (IMAGES, b"", "magic number"),
        (IMAGES, b"<html>not found</html>", "magic number"),
        (IMAGES, idx(pixels(7))[:9], "is truncated"),
        (IMAGES, idx(pixels(7))[:-1], "is truncated"),
        (LABELS, idx(np.arange(7))[:-3], "is truncated"),
        (IMAGES, idx(pixels(7)) + b"\0", "has trailing bytes"),
        (IMAGES, idx(np.zeros((0, HEIGHT, WIDTH))), "is empty"),
        (IMAGES, idx(np.zeros((7, 0, WIDTH))), "is empty"),
        (IMAGES, gzip.compress(idx(pixels(7)), mtime=0)[:-9], "broken gzip"),
        (IMAGES, gzip.compress(idx(pixels(7)), mtime=0)[:10] + b"\xff" * 40, "broken gzip"),
        (IMAGES, gzip.compress(idx(pixels(7)), mtime=0)[:-8] + bytes(8), "broken gzip"),  # the checksum
        (LABELS, idx(np.array([0, 1, 2, 3, 4, 5, 10])), "label 10 at position 6"),
        (LABELS, idx(np.arange(6)), "7 images"),
        (IMAGES, idx(np.zeros((7, HEIGHT, WIDTH + 1))), "the training images are (1, 4, 4)"),
    ],
)
def test_refuses_a_faulty_file(folder, file, content, fault):
    (folder / file).write_bytes(content)
    # A difference in shape lies between files: the folder is named.
    assert_refused(folder, str(folder) if "the training images" in fault else file, fault)


def test_refuses_labels_beyond_the_named_classes(folder):
    with pytest.raises(InputError, match=r"t10k-labels-idx1-ubyte: label 3 at position 3 lies outside 0\.\.2"):
        IdxFolder(str(folder), classes=["a", "b", "c"])


def test_names_the_file_that_cannot_be_read(folder, monkeypatch):
    def refuse(self):
        raise PermissionError("permission denied")

    monkeypatch.setattr("pathlib.Path.read_bytes", refuse)
    assert_refused(folder, "t10k-images-idx3-ubyte", "cannot be read")
