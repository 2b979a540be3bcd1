"""SVHN's MATLAB files: what is read, and that every fault names its file."""

import numpy as np
import pytest
import torch
from scipy.io import savemat

from hauberk.datasets import SVHN
from hauberk.errors import InputError


def images(n):
    return np.random.default_rng(n).integers(0, 256, (32, 32, 3, n), dtype=np.uint8)


def labels(n):
    return (np.arange(n, dtype=np.uint8) % 10 + 1)[:, None]


@pytest.fixture(params=[False, True])
def folder(request, tmp_path):
    """A valid data set of 12 training and 11 test examples, compressed or not."""
    for split, n in [("train", 12), ("test", 11)]:
        savemat(tmp_path / f"{split}_32x32.mat", {"X": images(n), "y": labels(n)}, do_compression=request.param)
    return tmp_path


def test_reads_both_splits(folder):
    dataset = SVHN(str(folder))
    train, test = dataset.train(), dataset.test()
    assert (train.inputs.shape, train.inputs.dtype) == ((12, 3, 32, 32), torch.uint8)
    assert test.labels.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1]
    assert test.inputs[7, 2, 30, 5] == images(11)[30, 5, 2, 7]
    assert test.inputs.is_contiguous()
    assert (dataset.name, dataset.shape, dataset.range) == ("SVHN", (3, 32, 32), (0.0, 1.0))
    assert dataset.classes == tuple("0123456789")


def test_reads_labels_stored_as_doubles_and_passes_over_other_variables(tmp_path):
    others = {"notes": {"a": 1}, "cells": np.array([1, "x"], dtype=object)}
    for split in ("train", "test"):
        savemat(tmp_path / f"{split}_32x32.mat", others | {"X": images(4), "y": labels(4).astype(float)})
    assert SVHN(str(tmp_path)).train().labels.tolist() == [1, 2, 3, 4]


def wrong_label(value):
    return np.array([[1.0], [value], [10.0], [2.0]])


@pytest.mark.parametrize("file", ["train_32x32.mat", "test_32x32.mat"])
@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"X": images(4).astype(float)}, r"X must be uint8 \(32, 32, 3, n\), but is float64"),
        ({"X": images(4).transpose(3, 2, 0, 1)}, r"X must be uint8 .* \(4, 3, 32, 32\)"),
        ({"X": images(4)[..., 0]}, r"X must be uint8 .* \(32, 32, 3\)"),
        ({"X": images(4)[..., :0]}, r"X must be uint8 .* \(32, 32, 3, 0\)"),
        ({"X": {"a": images(4)}}, "X is not an array of real numbers"),
        ({"X": None}, "must hold X and y, but has only y"),
        ({"X": None, "y": None, "z": 1}, "must hold X and y, but has only others"),
        ({"y": labels(3)}, r"y must be \(4, 1\), but is \(3, 1\)"),
        ({"y": labels(4).T}, r"y must be \(4, 1\), but is \(1, 4\)"),
        ({"y": np.array([["a"], ["b"], ["c"], ["d"]])}, "y is not an array of real numbers"),
        ({"y": np.array([[1], ["b"], [2], [3]], dtype=object)}, "y is not an array of real numbers"),
        ({"y": wrong_label(0)}, r"label 0\.0 at position 1 is not a digit"),
        ({"y": wrong_label(11)}, r"label 11\.0 at position 1 is not a digit"),
        ({"y": wrong_label(2.5)}, r"label 2\.5 at position 1 is not a digit"),
        ({"y": wrong_label(np.nan)}, "label nan at position 1 is not a digit"),
    ],
)
def test_refuses_faulty_arrays(folder, file, changes, fault):
    arrays = {"X": images(4), "y": labels(4)} | changes
    savemat(folder / file, {name: array for name, array in arrays.items() if array is not None})
    with pytest.raises(InputError, match=rf"{file}.*{fault}"):
        SVHN(str(folder)).train()


def test_refuses_files_that_are_none_of_matlab(folder):
    whole = (folder / "test_32x32.mat").read_bytes()
    newer = whole[:124] + b"\x00\x02IM" + whole[128:]  # version 7.3: HDF5
    for content in (b"", b"<html>not found</html>" * 9, whole[:100], whole[:1000], whole[:-40], newer):
        (folder / "test_32x32.mat").write_bytes(content)
        with pytest.raises(InputError, match=r"test_32x32\.mat"):
            SVHN(str(folder))


def test_refuses_a_missing_file(folder):
    (folder / "train_32x32.mat").unlink()
    with pytest.raises(InputError, match=r"train_32x32\.mat cannot be read"):
        SVHN(str(folder)).train()
    with pytest.raises(InputError, match=r"test_32x32\.mat cannot be read"):
        SVHN(str(folder / "absent"))
