import gzip
import struct

import numpy as np
import pytest

from hauberk.datasets import CsvFile, IdxFolder, NpzFile, detected
from hauberk.errors import InputError


def test_arrays_and_tables(tmp_path):
    np.savez(tmp_path / "a.npz", images=np.zeros((3, 4, 4), np.uint8), labels=np.arange(3))
    np.savez(tmp_path / "b.npz", images=np.full((3, 5), -0.5), labels=np.arange(3))
    np.savez(tmp_path / "c.npz", images=np.zeros((3, 4, 4, 3), np.uint8), labels=np.arange(3))
    (tmp_path / "d.csv").write_text("x,label\n-3,1\n")
    assert isinstance(detected(str(tmp_path / "a.npz")), NpzFile)
    assert detected(str(tmp_path / "b.npz"), within=(-1.0, 1.0)).shape == (5,)
    assert detected(str(tmp_path / "c.npz"), channels_last=True).shape == (3, 4, 4)
    assert isinstance(detected(str(tmp_path / "d.csv")), CsvFile)
    assert detected(str(tmp_path / "d.csv"), within=(-4.0, 4.0)).range == (-4.0, 4.0)


@pytest.mark.parametrize("mark", "-.")
def test_a_folder_of_idx_files(tmp_path, mark):
    images = struct.pack(">IIII", 0x803, 2, 3, 3) + bytes(18)
    for stem, content in ((f"images{mark}idx3", images), (f"labels{mark}idx1", struct.pack(">II", 0x801, 2) + b"\0\1")):
        (tmp_path / f"t10k-{stem}-ubyte.gz").write_bytes(gzip.compress(content))
    assert isinstance(detected(str(tmp_path)), IdxFolder)


@pytest.mark.parametrize("name", ["test/cat/1.png", "val/cat/1.png"])
def test_a_folder_of_images_needs_a_size(tmp_path, name):
    (tmp_path / name).parent.mkdir(parents=True)
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(InputError, match="on a side"):
        detected(str(tmp_path))
    with pytest.raises(InputError, match=r"1\.png"):  # it is read, and is no image
        detected(str(tmp_path), size=8)


@pytest.mark.parametrize("name", ["cifar-10-a.tar.gz", "cifar-100-a.tar.gz", "images.tar.xz", "a.npz", "a.csv"])
def test_archives_are_read_by_what_they_are_called(tmp_path, name):
    (tmp_path / name).write_bytes(b"nothing")
    with pytest.raises(InputError, match=name):
        detected(str(tmp_path / name), size=8)


@pytest.mark.parametrize("name", ["nothing", "a.txt", ""])
def test_what_is_of_no_known_kind_is_refused(tmp_path, name):
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(InputError, match=r"data are an \.npz file"):
        detected(str(tmp_path / name))
