"""NumPy archives that are damaged, promise more than they hold, or hold code."""

import io
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from hostile.cases import Case, Content, data, each_kind_first
from hostile.makers import Code, cut, flipped, tar


def npy(array: np.ndarray, header: dict | None = None, version: int = 1) -> bytes:
    """Return a .npy file, with another header if one is given."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=True)
    if header is None:
        return buffer.getvalue()
    text = repr(header).encode() + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<H", len(text)) + text + array.tobytes()


def npz(method: int = zipfile.ZIP_DEFLATED, **members: bytes) -> bytes:
    """Return an archive of .npy files."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def header(shape: tuple[int, ...], descr: str = "|u1") -> dict:
    return {"descr": descr, "fortran_order": False, "shape": shape}


def npz_bomb(count: int) -> bytes:
    """Return an archive of so many MiB of zeros."""
    return npz(x_test=npy(np.zeros((count, 1, 1024, 1024), np.uint8)), y_test=LABELS)


def of_npz(kind: str, name: str, content: Content) -> Case:
    return data(kind, name, {"a.npz": content}, "NpzFile, path: a.npz")


MANY = 2**31
IMAGES, LABELS = npy(np.zeros((4, 1, 28, 28), np.uint8)), npy(np.arange(4))
GOOD = npz(x_test=IMAGES, y_test=LABELS)
FILE = tarfile.REGTYPE
LABELLED = {"huge": 2**40, "large": 100_001, "negative": -1, "largest": 2**63 - 1}
CASES = [
    *[of_npz("npz cut short", name, content) for name, content in cut(GOOD).items()],
    *[of_npz("npz with changed bytes", str(n), flipped(GOOD, 12, n)) for n in range(9)],
    *[of_npz("npz of labels", k, npz(x_test=IMAGES, y_test=npy(np.array([0, 1, 2, v])))) for k, v in LABELLED.items()],
    *[
        of_npz("npz with an array of another type", str(a.dtype), npz(x_test=npy(a), y_test=LABELS))
        for a in (
            np.zeros((4, 28, 28), np.int64),
            np.zeros((4, 28, 28), "S3"),
            np.zeros((4, 28, 28), complex),
            np.zeros((4, 28, 28), bool),
            np.full((4, 28, 28), np.nan),
            np.full((4, 28, 28), 2.0),
            np.zeros(4, "M8[s]"),
            np.zeros(4, [("a", "u1")]),
        )
    ],
    *[
        of_npz("npz with an array of another shape", str(s), npz(x_test=npy(np.zeros(s, np.uint8)), y_test=LABELS))
        for s in ((), (0,), (4,), (4, 0, 28, 28), (3, 28, 28), (4, 28, 28, 3), (4, 1, 1, 28, 28), (4, 28))
    ],
    *[
        of_npz("npz that holds code", name, npz(x_test=x, y_test=y))
        for name, x, y in (
            ("images", npy(np.array([Code()], object)), LABELS),
            ("labels", IMAGES, npy(np.array([Code()], object))),
            ("a pickle", pickle.dumps(Code()), LABELS),
        )
    ],
    *[
        of_npz(
            "npz that promises more", str(shape), npz(x_test=npy(np.zeros(9, np.uint8), header(shape)), y_test=LABELS)
        )
        for shape in ((2**40, 1, 28, 28), (4, 1, 2**20, 2**20), (2**62, 2**62), (-4, 28, 28), (4, 1, 28, 28))
    ],
    *[
        of_npz("npz with an odd header", repr(h), npz(x_test=npy(np.zeros(9, np.uint8), h), y_test=LABELS))
        for h in (
            {},
            {"a": 1},
            header((9,), "x"),
            header((9,), "O"),
            header(9),
            header(("9",)),
            header((9,), "|u1" * 999),
        )
    ],
    *[of_npz("npz bomb", f"{n} MiB", partial(npz_bomb, n)) for n in (65, 200)],
    of_npz("npz bomb", "its directory lies", GOOD.replace(struct.pack("<I", len(IMAGES)), struct.pack("<I", MANY))),
    *[
        of_npz("no npz", name, content)
        for name, content in {
            "npy": IMAGES,
            "pickle": pickle.dumps(Code()),
            "text": b"<html>",
            "zip": npz(),
            "tar": tar("w", ("a", b"a", FILE)),
        }.items()
    ],
]


@each_kind_first(CASES)
def test_npz_files_are_refused(case: Case, refused: Callable[..., str], tmp_path: Path):
    refused(*case.prepare(tmp_path / "inputs"))
