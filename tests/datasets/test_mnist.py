"""The bundled MNIST against published facts about it."""

import shutil
from importlib.resources import files

import pytest
import torch

from hauberk.datasets import MNIST
from hauberk.errors import InputError

NAMES = [
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
]


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """A writable copy of the bundled files that MNIST() reads instead."""
    shutil.copytree(str(files("hauberk.datasets").joinpath("mnist")), tmp_path / "mnist")
    monkeypatch.setattr("hauberk.datasets.mnist.files", lambda package: tmp_path)
    return tmp_path / "mnist"


def test_training_split():
    train = MNIST().train()
    assert train.inputs.shape == (60000, 1, 28, 28)
    assert train.inputs.dtype == torch.uint8
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert train.labels.bincount().tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    # The statistics that everyone normalises MNIST with.
    histogram = train.inputs.flatten().bincount(minlength=256).double() / train.inputs.numel()
    level = torch.arange(256).double() / 255
    mean = (histogram * level).sum()
    std = (histogram * (level - mean) ** 2).sum().sqrt()
    assert mean.item() == pytest.approx(0.1307, abs=5e-5)
    assert std.item() == pytest.approx(0.3081, abs=5e-5)


def test_test_split():
    test = MNIST().test()
    assert test.inputs.shape == (10000, 1, 28, 28)
    assert test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    assert test.labels.bincount().tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]


def test_knows_itself():
    dataset = MNIST()
    assert dataset.name == "MNIST"
    assert dataset.shape == (1, 28, 28)
    assert dataset.classes == tuple("0123456789")
    assert dataset.range == (0.0, 1.0)


@pytest.mark.parametrize("name", NAMES)
def test_refuses_a_changed_file(copy, name):
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(InputError, match=rf"{name} is corrupt: its SHA-256 is"):
        MNIST().train() if name.startswith("train") else MNIST().test()


def test_refuses_a_missing_file(copy):
    (copy / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(InputError, match=r"t10k-labels-idx1-ubyte\.gz cannot be read"):
        MNIST().test()
