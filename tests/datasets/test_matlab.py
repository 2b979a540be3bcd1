"""MATLAB's files against SciPy's writer, and that damage is refused."""

import contextlib
import random
import struct
import zlib

import numpy as np
import pytest
from scipy.io import savemat

from hauberk.datasets import matlab
from hauberk.datasets.matlab import read_matlab
from hauberk.errors import InputError


@pytest.fixture(params=[False, True])
def saved(request, tmp_path):
    """A function that returns the content of a file of the given variables, compressed or not."""

    def saved(**variables):
        savemat(tmp_path / "data.mat", variables, do_compression=request.param)
        return (tmp_path / "data.mat").read_bytes()

    return saved


def refuse(content, fault):
    with pytest.raises(InputError, match=rf"^data cannot be read as a MATLAB file of version 5 \(.*{fault}"):
        read_matlab(content, "data", ["X", "y"])


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8", "f4", "f8"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (2, 5), (2, 3, 4), (2, 3, 4, 5), (0, 3)])
def test_reads_numbers_of_every_type(saved, kind, shape):
    array = np.random.default_rng(0).integers(0, 100, shape).astype(kind)
    found = read_matlab(saved(a_long_name=array, y=array + 1), "data", ["a_long_name", "y"])
    assert set(found) == {"a_long_name", "y"}
    assert found["y"].dtype == array.dtype
    assert np.array_equal(found["y"], array + 1)
    assert np.array_equal(found["a_long_name"], array)


def test_passes_over_other_variables(saved):
    cells = np.array([1, "x"], dtype=object)
    content = saved(cells=cells, structure={"X": 1}, text="text", X=np.eye(3), more=np.eye(2) * 1j)
    assert set(read_matlab(content, "data", ["X", "y"])) == {"X"}


@pytest.mark.parametrize(
    "value", [np.array([1, "x"], dtype=object), {"a": 1}, "text", np.eye(2) * 1j], ids=["cell", "struct", "char", "j"]
)
def test_refuses_what_is_no_array_of_real_numbers(saved, value):
    refuse(saved(X=value), "X is not an array of real numbers, but of class")


def element(kind, content):
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)


def matrix(shape=(2, 1), numbers=bytes(2), kind=2, name=b"X"):
    sizes = struct.pack(f"<{len(shape)}i", *shape)
    parts = element(6, struct.pack("<II", 9, 0)) + element(5, sizes) + element(1, name) + element(kind, numbers)
    return bytes(124) + b"\x00\x01IM" + element(14, parts)


def test_the_forged_file_is_read():
    assert read_matlab(matrix(numbers=b"\x07\x08"), "data", ["X"])["X"].tolist() == [[7], [8]]


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "its header"),
        (b"<html>not found</html>" * 9, "its header"),
        (bytes(124) + b"\x00\x02IM" + bytes(99), "its header"),  # version 7.3
        (bytes(124) + b"\x01\x00MI" + bytes(99), "its header"),  # big-endian
        (matrix(shape=(3, 1)), r"X has shape \(3, 1\) and elements of type uint8, but 2 bytes"),
        (matrix(shape=(-2, -1)), r"X has shape \(-2, -1\)"),
        (matrix(shape=(2**31 - 1,) * 4), "X has shape"),
        (matrix(shape=(1, 1, 1, 1, 2)), "up to 4 sizes"),
        (matrix(shape=()), r"X has shape \(\)"),
        (matrix(kind=9), "float64, but 2 bytes"),
        (matrix(kind=14), "elements of type 14"),
        (matrix(name=b"\xff"), "ascii"),
        (matrix()[:-8], "has 64 bytes, but 56 follow"),
        (matrix()[:130], "8 bytes"),
        (bytes(124) + b"\x00\x01IM" + element(15, b"no zlib data"), "incorrect header check"),
        (bytes(124) + b"\x00\x01IM" + struct.pack("<HH", 14, 5) + bytes(12), "a short element"),
    ],
)
def test_refuses_faulty_files(content, fault):
    refuse(content, fault)


def test_refuses_compressed_variables_cut_short_or_too_large(monkeypatch):
    packed = zlib.compress(matrix()[128:])
    whole = bytes(124) + b"\x00\x01IM" + struct.pack("<II", 15, len(packed)) + packed
    assert read_matlab(whole, "data", ["X"])["X"].shape == (2, 1)
    refuse(whole[:132] + struct.pack("<I", len(packed) - 5) + packed[:-5], "ends early")
    monkeypatch.setattr(matlab, "LARGEST", 50)
    refuse(whole, "has more than 50 bytes")


def test_damage_is_refused_or_harmless(saved):
    content, rng = saved(X=np.arange(6, dtype=np.uint8), y=np.eye(2)), random.Random(0)
    for _ in range(1000):
        damaged = bytearray(content)
        for _ in range(rng.randint(1, 3)):
            damaged[rng.randrange(124, len(damaged))] = rng.randrange(256)
        with contextlib.suppress(InputError):
            assert set(read_matlab(bytes(damaged), "data", ["X", "y"])) <= {"X", "y"}
