"""Files of arrays that are damaged, promise more than they hold, or hold code."""

import gzip
import pickle
import struct
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from hostile.cases import Case, Content, data, each_kind_first
from hostile.makers import Code, cut, flipped


def zeros(count: int) -> bytes:
    """Return what a gzip file of so many zeros holds."""
    piece, packer = bytes(2**20), zlib.compressobj(1, wbits=31)
    return b"".join(packer.compress(piece) for _ in range(count // 2**20)) + packer.flush()


def idx(*sizes: int, count: int | None = None) -> bytes:
    """Return an idx file."""
    body = bytes(np.prod(sizes, dtype=int) if count is None else count)
    return bytes([0, 0, 8, len(sizes)]) + b"".join(struct.pack(">I", size) for size in sizes) + body


def idx_bomb(count: int) -> bytes:
    """Return a gzipped idx file of so many MiB of zeros."""
    return gzip.compress(idx(count, 1024, 1024), 1)


def of_idx(kind: str, name: str, images: Content, labels: bytes) -> Case:
    files = {"m/t10k-images-idx3-ubyte.gz": images, "m/t10k-labels-idx1-ubyte.gz": labels}
    return data(kind, name, files, "IdxFolder, folder: m")


def matlab(kind: int, body: bytes, size: int | None = None) -> bytes:
    """Return a MATLAB file of one element."""
    return bytes(124) + b"\x00\x01IM" + struct.pack("<II", kind, len(body) if size is None else size) + body


def matlab_bomb(kind: int, size: int, times: int) -> bytes:
    """Return a MATLAB file of elements of so many zeros."""
    packed = zlib.compress(struct.pack("<II", kind, size) + bytes(size), 1)
    return bytes(124) + b"\x00\x01IM" + times * (struct.pack("<II", 15, len(packed)) + packed)


CASES = [
    *[of_idx("idx cut short", n, c, idx(4)) for n, c in cut(gzip.compress(idx(4, 28, 28))).items()],
    *[
        of_idx("idx that promises more", str(s), idx(*s, count=9), idx(4))
        for s in ((4, 2**31, 2**31), (4, 28, 28), (0, 28, 28))
    ],
    *[of_idx("idx bomb", f"{n} MiB", partial(zeros, n * 2**20), idx(4)) for n in (70, 600)],
    *[of_idx("idx bomb", f"{n} MiB of images", partial(idx_bomb, n), gzip.compress(idx(n))) for n in (70, 300)],
    *[of_idx("idx with changed bytes", str(n), flipped(gzip.compress(idx(4, 28, 28)), 9, n), idx(4)) for n in range(6)],
    of_idx("idx of other labels", "label 255", idx(1, 28, 28), bytes([0, 0, 8, 1, 0, 0, 0, 1, 255])),
    of_idx("idx of other labels", "other count", idx(4, 28, 28), idx(5)),
    *[
        data("MATLAB file", name, {"s/test_32x32.mat": content}, "SVHN, folder: s")
        for name, content in {
            "empty": b"",
            "text": b"<html>",
            "header": matlab(14, b""),
            "promise": matlab(14, b"", 2**32 - 1),
            "7.3": b"\x89HDF" * 99,
            "bomb": partial(matlab_bomb, 14, 2**28, 1),
            "many bombs": partial(matlab_bomb, 1, 2**25, 9),
        }.items()
    ],
    *[
        data("pickle of images", name, {"c/test_batch": content}, "CIFAR10, folder: c")
        for name, content in {
            "empty": b"",
            "code": pickle.dumps(Code(), 2),
            "other": pickle.dumps({"data": 1}, 2),
            "list": pickle.dumps([1], 2),
            "nested": b"\x80\x02" + b"(" * 200_000 + b"t" * 200_000 + b".",
            "self": b"\x80\x02}q\x00h\x00h\x00s.",
            "large": b"\x80\x02" + b"K\x01" * 2**20 + b".",
            "promise": b"\x80\x02U\xff",
            "long": b"\x80\x02\x8b\xff\xff\xff\x7f",
            "text": b"<html>",
        }.items()
    ],
    *[
        data(
            "text of numbers",
            name,
            {
                "h/activity_labels.txt": labels,
                "h/test/X_test.txt": x,
                "h/test/y_test.txt": b"1\n",
            },
            "HAR, folder: h",
        )
        for name, labels, x in (
            ("empty", b"", b""),
            ("words", b"1 A\n", b"a b c\n"),
            ("nan", b"1 A\n", b"nan " * 561),
            ("few", b"1 A\n", b"0 " * 560),
            ("large", b"1 A\n", b"1e999 " * 561),
            ("latin-1", "1 Ä\n".encode("latin-1"), b"0 " * 561),
            ("order", b"2 A\n", b"0"),
            ("digits", b"1 A\n", b"9" * 100_000),
        )
    ],
]


@each_kind_first(CASES)
def test_arrays_are_refused(case: Case, refused: Callable[..., str], tmp_path: Path):
    refused(*case.prepare(tmp_path / "inputs"))
