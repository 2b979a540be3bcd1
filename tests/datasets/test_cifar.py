"""CIFAR in the published format: what is read, and that every fault names its file."""

import os
import pickle
import struct
import tarfile

import numpy as np
import pytest
import torch

from hauberk.datasets import CIFAR10, CIFAR100
from hauberk.errors import InputError

NAMES = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"]


class Python2:
    """Writes dicts of str, ints, lists and uint8 arrays as the pickle module of Python 2 wrote these files."""

    def __init__(self):
        self.memo = 0

    def dump(self, value):
        return b"\x80\x02" + self.write(value) + b"."

    def put(self):
        self.memo += 1
        return b"q" + bytes([self.memo]) if self.memo < 256 else b"r" + struct.pack("<I", self.memo)

    def write(self, value):
        match value:
            case int():
                return self.number(value)
            case str():
                return b"U" + bytes([len(value)]) + value.encode() + self.put()
            case list():
                return b"]" + self.put() + b"(" + b"".join(map(self.write, value)) + b"e"
            case dict():
                start = b"}" + self.put() + b"("
                return start + b"".join(self.write(key) + self.write(value[key]) for key in value) + b"u"
            case _:
                return self.array(value)

    def number(self, value):
        code, form = (b"K", "<B") if value < 256 else (b"M", "<H")
        return code + struct.pack(form, value)

    def array(self, value):
        return b"".join(
            [
                b"cnumpy.core.multiarray\n_reconstruct\n" + self.put(),
                b"cnumpy\nndarray\n" + self.put() + b"K\x00\x85" + self.put() + self.write("b") + b"\x87",
                self.put() + b"R" + self.put() + b"(K\x01",
                b"".join(map(self.number, value.shape)) + b"\x86" + self.put(),
                b"cnumpy\ndtype\n" + self.put() + self.write("u1") + b"K\x00K\x01\x87" + self.put() + b"R" + self.put(),
                b"(K\x03" + self.write("|") + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t" + self.put() + b"b\x89",
                b"T" + struct.pack("<I", value.nbytes) + value.tobytes() + self.put() + b"t" + self.put() + b"b",
            ]
        )


WRITERS = {
    "python 2": lambda value: Python2().dump(value),
    "python 3": lambda value: pickle.dumps(value, protocol=2),
    "numpy 1": lambda value: pickle.dumps(value, protocol=2).replace(b"numpy._core.multi", b"numpy.core.multi"),
    "bytes": lambda value: pickle.dumps({key.encode(): value[key] for key in value}, protocol=3),
}


def pixels(n, seed):
    return np.random.default_rng(seed).integers(0, 256, (n, 3072), dtype=np.uint8)


def batch(n, seed, **more):
    names = [f"picture_{i}.png" for i in range(n)]
    return {"batch_label": "a batch", "labels": [i % 10 for i in range(n)], "data": pixels(n, seed), "filenames": names}


def files_of_10():
    files = {f"data_batch_{number}": batch(number + 10, number) for number in range(1, 6)}
    meta = {"num_cases_per_batch": 10000, "label_names": NAMES, "num_vis": 3072}
    return files | {"test_batch": batch(10, 0), "batches.meta": meta}


def files_of_100():
    def split(n, seed):
        labels = {"fine_labels": [(7 * i) % 100 for i in range(n)], "coarse_labels": [i % 20 for i in range(n)]}
        return {"filenames": ["x.png"] * n, "batch_label": "split", "data": pixels(n, seed)} | labels

    names = {kind: [f"{kind} {i}" for i in range(n)] for kind, n in (("fine", 100), ("coarse", 20))}
    meta = {"fine_label_names": names["fine"], "coarse_label_names": names["coarse"]}
    return {"train": split(12, 1), "test": split(5, 2), "meta": meta}


def save(folder, files, writer="python 2"):
    folder.mkdir()
    for name, value in files.items():
        (folder / name).write_bytes(WRITERS[writer](value))
    return folder


@pytest.fixture
def folder(tmp_path):
    return save(tmp_path / "cifar-10-batches-py", files_of_10())


def assert_refused(folder, fault):
    """Both the constructor and `train` read; either must name the fault."""
    with pytest.raises(InputError, match=fault):
        CIFAR10(str(folder)).train()


def test_the_files_of_these_tests_are_like_the_published_ones():
    assert len(Python2().dump(files_of_10()["batches.meta"])) == 158  # the published batches.meta has that many bytes


@pytest.mark.parametrize("writer", WRITERS)
def test_reads_cifar10(tmp_path, writer):
    folder = save(tmp_path / "cifar-10-batches-py", files_of_10(), writer)
    dataset = CIFAR10(str(folder))
    train, test = dataset.train(), dataset.test()
    assert train.inputs.dtype == torch.uint8
    assert test.inputs.shape == (10, 3, 32, 32)
    assert np.array_equal(train.inputs.flatten(1).numpy(), np.concatenate([pixels(n + 10, n) for n in range(1, 6)]))
    assert train.labels.tolist() == [i % 10 for n in range(11, 16) for i in range(n)]
    assert (dataset.name, dataset.shape, dataset.range) == ("CIFAR-10", (3, 32, 32), (0.0, 1.0))
    assert dataset.classes == tuple(NAMES)


def test_planes_are_red_green_blue_row_by_row(folder):
    test = CIFAR10(str(folder)).test()
    for channel, row, column in [(0, 0, 1), (1, 3, 0), (2, 31, 30)]:
        assert test.inputs[4, channel, row, column] == pixels(10, 0)[4, 1024 * channel + 32 * row + column]


@pytest.mark.parametrize("writer", WRITERS)
def test_reads_both_labels_of_cifar100(tmp_path, writer):
    folder = str(save(tmp_path / "cifar-100-python", files_of_100(), writer))
    fine, coarse = CIFAR100(folder), CIFAR100(folder, coarse=True)
    assert fine.test().labels.tolist() == [0, 7, 14, 21, 28]
    assert coarse.train().labels.tolist() == list(range(12))
    assert torch.equal(fine.train().inputs, coarse.train().inputs)
    assert (fine.name, fine.classes[99], len(fine.classes)) == ("CIFAR-100", "fine 99", 100)
    assert (coarse.name, coarse.classes[19], len(coarse.classes)) == ("CIFAR-100, coarse", "coarse 19", 20)


def test_reads_the_folder_above_and_the_archive(folder, tmp_path):
    with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz") as archive:
        archive.add(folder, folder.name)
    expected = CIFAR10(str(folder)).train()
    for path in (tmp_path, tmp_path / "cifar-10-python.tar.gz"):
        dataset = CIFAR10(str(path))
        assert torch.equal(dataset.train().inputs, expected.inputs)
        assert dataset.classes == tuple(NAMES)


def test_without_meta_the_classes_are_known_or_numbers(folder, tmp_path):
    (folder / "batches.meta").unlink()
    assert CIFAR10(str(folder)).classes == tuple(NAMES)
    save(tmp_path / "cifar-100-python", files_of_100())
    (tmp_path / "cifar-100-python" / "meta").unlink()
    assert CIFAR100(str(tmp_path)).classes == tuple(map(str, range(100)))
    assert CIFAR100(str(tmp_path), coarse=True).classes == tuple(map(str, range(20)))


@pytest.mark.parametrize("file", ["data_batch_3", "test_batch"])
def test_refuses_a_missing_file(folder, file):
    (folder / file).unlink()
    assert_refused(folder, rf"cifar-10-batches-py lacks {file}; give the folder")


def test_refuses_a_missing_folder_and_another_one(tmp_path):
    assert_refused(tmp_path / "absent", r"absent is neither .* put there cifar-10-python\.tar\.gz, unpacked or not")
    assert_refused(tmp_path, "lacks test_batch; give the folder cifar-10-batches-py")


@pytest.mark.parametrize("file", ["data_batch_3", "test_batch"])
@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"data": pixels(9, 0)}, "no list 'labels' of 9 labels"),
        ({"data": pixels(10, 0)[:, :3071]}, r"'data' must be an array \(n, 3072\).*3071"),
        ({"data": pixels(10, 0).reshape(-1)}, r"'data' must be an array \(n, 3072\)"),
        ({"data": pixels(10, 0)[:0]}, r"'data' must be an array \(n, 3072\)"),
        ({"data": [1, 2]}, r"'data' must be an array \(n, 3072\).*list"),
        ({"labels": [0, 1, 10]}, "label at position 2 of 'labels' is not an integer in 0..9"),
        ({"labels": [0, -1, 1]}, "label at position 1 of 'labels' is not an integer"),
        ({"labels": [0, True, 1]}, "label at position 1 of 'labels' is not an integer"),
        ({"labels": ["0", 1, 1]}, "label at position 0 of 'labels' is not an integer"),
        ({"labels": "012"}, "no list 'labels' of 3 labels"),
        ({"data": pixels(3, 0).astype(np.float32)}, "must be of type u1"),
        ({"data": pixels(3, 0).astype(object)}, "must be of type u1, not 'O8'"),
    ],
)
def test_refuses_a_faulty_batch(folder, file, changes, fault):
    content = {"data": pixels(3, 0), "labels": [0, 1, 2]} | changes
    if "data" in changes and len(changes["data"]) == 10:
        content["labels"] = [0] * 10
    (folder / file).write_bytes(WRITERS["bytes"](content))
    assert_refused(folder, rf"{file}.*{fault}")


def test_refuses_a_batch_without_pixels_or_labels(folder):
    for key in ("data", "labels"):
        (folder / "test_batch").write_bytes(
            WRITERS["python 2"]({name: value for name, value in batch(3, 0).items() if name != key})
        )
        assert_refused(folder, rf"test_batch.*'{key}'")


def test_refuses_a_truncated_batch(folder):
    content = (folder / "test_batch").read_bytes()
    (folder / "test_batch").write_bytes(content[:-1000])
    assert_refused(folder, r"test_batch is not a pickle of plain numbers")


def test_refuses_names_that_do_not_fit(folder):
    (folder / "batches.meta").write_bytes(WRITERS["python 2"]({"label_names": NAMES[:9]}))
    assert_refused(folder, r"batches\.meta holds no list 'label_names' of 10 class names")


@pytest.mark.parametrize("file", ["data_batch_3", "test_batch", "batches.meta"])
def test_runs_nothing_of_a_file(folder, file, tmp_path):
    class Trap:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "sprung"),)

    (folder / file).write_bytes(pickle.dumps({"data": Trap(), "labels": [], "label_names": Trap()}, protocol=2))
    assert_refused(folder, rf"{file} is not a pickle.*GLOBAL '\w+ mkdir'")
    assert not (tmp_path / "sprung").exists()
