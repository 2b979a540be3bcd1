"""Files of data that are damaged, promise more than they hold, or hold code."""

import gzip
import io
import pickle
import random
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

from hostile.cases import Case, data, each_kind_first

Content = bytes | Callable[[], bytes]
MANY = 2**31


class Code:
    """An object whose pickle would write a file."""

    def __reduce__(self):
        return Path.touch, (Path("ran"),)


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


IMAGES, LABELS = npy(np.zeros((4, 1, 28, 28), np.uint8)), npy(np.arange(4))
GOOD = npz(x_test=IMAGES, y_test=LABELS)


def of_npz(kind: str, name: str, content: Content) -> Case:
    return data(kind, name, {"a.npz": content}, "NpzFile, path: a.npz")


def npz_bomb(count: int) -> bytes:
    """Return an archive of so many MiB of zeros."""
    return npz(x_test=npy(np.zeros((count, 1, 1024, 1024), np.uint8)), y_test=LABELS)


def idx_bomb(count: int) -> bytes:
    """Return a gzipped idx file of so many MiB of zeros."""
    return gzip.compress(idx(count, 1024, 1024), 1)


def matlab_bomb(kind: int, size: int, times: int) -> bytes:
    """Return a MATLAB file of elements of so many zeros."""
    packed = zlib.compress(struct.pack("<II", kind, size) + bytes(size), 1)
    return bytes(124) + b"\x00\x01IM" + times * (struct.pack("<II", 15, len(packed)) + packed)


def zeros(count: int) -> bytes:
    """Return what a gzip file of so many zeros holds."""
    piece, packer = bytes(2**20), zlib.compressobj(1, wbits=31)
    return b"".join(packer.compress(piece) for _ in range(count // 2**20)) + packer.flush()


def idx(*sizes: int, count: int | None = None) -> bytes:
    """Return an idx file."""
    body = bytes(np.prod(sizes, dtype=int) if count is None else count)
    return bytes([0, 0, 8, len(sizes)]) + b"".join(struct.pack(">I", size) for size in sizes) + body


def of_idx(kind: str, name: str, images: Content, labels: bytes) -> Case:
    files = {"m/t10k-images-idx3-ubyte.gz": images, "m/t10k-labels-idx1-ubyte.gz": labels}
    return data(kind, name, files, "IdxFolder, folder: m")


def matlab(kind: int, body: bytes, size: int | None = None) -> bytes:
    """Return a MATLAB file of one element."""
    return bytes(124) + b"\x00\x01IM" + struct.pack("<II", kind, len(body) if size is None else size) + body


def tar(mode: str, *members: tuple[str, bytes | int, bytes]) -> bytes:
    """Return an archive of files, by name, content or size, and type."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode=mode) as archive:
        for name, content, kind in members:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "/etc/passwd"
            member.size = content if isinstance(content, int) else len(content)
            archive.addfile(member, io.BytesIO(bytes(content) if isinstance(content, int) else content))
    return buffer.getvalue()


def png(width: int, height: int, mode: str = "1") -> bytes:
    """Return a picture of nothing."""
    buffer = io.BytesIO()
    Image.new(mode, (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def of_tar(kind: str, name: str, content: Content) -> Case:
    return data(kind, name, {"i.tar": content}, "ImageFolder, path: i.tar, size: 28")


def of_image(kind: str, name: str, content: Content, path: str = "a.png") -> Case:
    return data(kind, name, {f"i/test/c/{path}": content}, "ImageFolder, path: i, size: 28")


def cut(content: bytes) -> dict[str, bytes]:
    """Return the beginnings of a file."""
    return {f"first {share} %": content[: len(content) * share // 100] for share in (0, 1, 30, 60, 97)}


def flipped(content: bytes, count: int, seed: int) -> bytes:
    """Return a file with the first bytes, which hold its structure, changed at random."""
    rng, changed = random.Random(seed), bytearray(content)
    for _ in range(count):
        changed[rng.randrange(min(len(changed), 60))] ^= rng.randrange(1, 256)
    return bytes(changed)


FILE, PICTURE = tarfile.REGTYPE, png(30, 30, "RGB")
LABELLED = {"huge": 2**40, "large": 100_001, "negative": -1, "largest": 2**63 - 1}
CASES = [
    *[of_npz("npz cut short", name, content) for name, content in cut(GOOD).items()],
    *[of_npz("npz with changed bytes", str(n), flipped(GOOD, 12, n)) for n in range(9)],
    *[of_npz("npz of labels", k, npz(x_test=IMAGES, y_test=npy(np.array([0, 1, 2, v])))) for k, v in LABELLED.items()],
    *[of_npz("npz with an array of another type", str(a.dtype), npz(x_test=npy(a), y_test=LABELS)) for a in (
        np.zeros((4, 28, 28), np.int64), np.zeros((4, 28, 28), "S3"), np.zeros((4, 28, 28), complex), np.zeros((4, 28, 28), bool),
        np.full((4, 28, 28), np.nan), np.full((4, 28, 28), 2.0), np.zeros(4, "M8[s]"), np.zeros(4, [("a", "u1")]),
    )],
    *[of_npz("npz with an array of another shape", str(s), npz(x_test=npy(np.zeros(s, np.uint8)), y_test=LABELS)) for s in (
        (), (0,), (4,), (4, 0, 28, 28), (3, 28, 28), (4, 28, 28, 3), (4, 1, 1, 28, 28), (4, 28)
    )],
    *[of_npz("npz that holds code", name, npz(x_test=x, y_test=y)) for name, x, y in (
        ("images", npy(np.array([Code()], object)), LABELS), ("labels", IMAGES, npy(np.array([Code()], object))),
        ("a pickle", pickle.dumps(Code()), LABELS),
    )],
    *[of_npz("npz that promises more", str(shape), npz(x_test=npy(np.zeros(9, np.uint8), header(shape)), y_test=LABELS)) for shape in (
        (2**40, 1, 28, 28), (4, 1, 2**20, 2**20), (2**62, 2**62), (-4, 28, 28), (4, 1, 28, 28)
    )],
    *[of_npz("npz with an odd header", repr(h), npz(x_test=npy(np.zeros(9, np.uint8), h), y_test=LABELS)) for h in (
        {}, {"a": 1}, header((9,), "x"), header((9,), "O"), header(9), header(("9",)), header((9,), "|u1" * 999)
    )],
    *[of_npz("npz bomb", f"{n} MiB", partial(npz_bomb, n)) for n in (65, 200)],
    of_npz("npz bomb", "its directory lies", GOOD.replace(struct.pack("<I", len(IMAGES)), struct.pack("<I", MANY))),
    *[of_npz("no npz", name, content) for name, content in {
        "npy": IMAGES, "pickle": pickle.dumps(Code()), "text": b"<html>", "zip": npz(), "tar": tar("w", ("a", b"a", FILE)),
    }.items()],
    *[of_idx("idx cut short", n, c, idx(4)) for n, c in cut(gzip.compress(idx(4, 28, 28))).items()],
    *[of_idx("idx that promises more", str(s), idx(*s, count=9), idx(4)) for s in ((4, 2**31, 2**31), (4, 28, 28), (0, 28, 28))],
    *[of_idx("idx bomb", f"{n} MiB", partial(zeros, n * 2**20), idx(4)) for n in (70, 600)],
    *[of_idx("idx bomb", f"{n} MiB of images", partial(idx_bomb, n), gzip.compress(idx(n))) for n in (70, 300)],
    *[of_idx("idx with changed bytes", str(n), flipped(gzip.compress(idx(4, 28, 28)), 9, n), idx(4)) for n in range(6)],
    of_idx("idx of other labels", "label 255", idx(1, 28, 28), bytes([0, 0, 8, 1, 0, 0, 0, 1, 255])),
    of_idx("idx of other labels", "other count", idx(4, 28, 28), idx(5)),
    *[data("MATLAB file", name, {"s/test_32x32.mat": content}, "SVHN, folder: s") for name, content in {
        "empty": b"", "text": b"<html>", "header": matlab(14, b""), "promise": matlab(14, b"", 2**32 - 1), "7.3": b"\x89HDF" * 99,
        "bomb": partial(matlab_bomb, 14, 2**28, 1), "many bombs": partial(matlab_bomb, 1, 2**25, 9),
    }.items()],
    *[data("pickle of images", name, {"c/test_batch": content}, "CIFAR10, folder: c") for name, content in {
        "empty": b"", "code": pickle.dumps(Code(), 2), "other": pickle.dumps({"data": 1}, 2), "list": pickle.dumps([1], 2),
        "nested": b"\x80\x02" + b"(" * 200_000 + b"t" * 200_000 + b".", "self": b"\x80\x02}q\x00h\x00h\x00s.", "large": b"\x80\x02" + b"K\x01" * 2**20 + b".",
        "promise": b"\x80\x02U\xff", "long": b"\x80\x02\x8b\xff\xff\xff\x7f", "text": b"<html>",
    }.items()],
    *[data("text of numbers", name, {
        "h/activity_labels.txt": labels, "h/test/X_test.txt": x, "h/test/y_test.txt": b"1\n",
    }, "HAR, folder: h") for name, labels, x in (
        ("empty", b"", b""), ("words", b"1 A\n", b"a b c\n"), ("nan", b"1 A\n", b"nan " * 561), ("few", b"1 A\n", b"0 " * 560),
        ("large", b"1 A\n", b"1e999 " * 561), ("latin-1", "1 Ä\n".encode("latin-1"), b"0 " * 561), ("order", b"2 A\n", b"0"),
        ("digits", b"1 A\n", b"9" * 100_000),
    )],
    *[of_tar("archive that leads out", n, tar("w", (n, PICTURE, FILE))) for n in ("/etc/x", "../x", "test/c/../../../x.png")],
    *[of_tar("archive of no files", str(kind), tar("w", ("test/c/a.png", b"", kind))) for kind in (
        tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE
    )],
    *[of_tar("archive bomb", mode, partial(tar, mode, ("test/c/a.png", 2**27, FILE))) for mode in ("w:gz", "w:bz2", "w:xz")],
    *[of_tar("archive bomb", kind.decode(), partial(tar, "w:gz", ("././@LongLink", 2**27, kind))) for kind in (b"L", b"x", b"g")],
    *[of_tar("archive cut short", n, c) for n, c in cut(tar("w:gz", ("test/c/a.png", random.Random(0).randbytes(9999), FILE))).items()],
    *[of_tar("archive of other files", n, tar("w", (n, PICTURE, FILE))) for n in ("a", "test/a.png", "test/c/a.gif", "é\n/b/c")],
    *[of_image("picture cut short", n, c) for n, c in cut(PICTURE).items()],
    *[of_image("picture bomb", f"{n} x {n}", partial(png, n, n)) for n in (3000, 8000)],
    of_image("picture bomb", "long", png(1, 60_000)),
    *[of_image("no picture", n, c) for n, c in {"text": b"<html>", "GIF": b"GIF89a" + bytes(99), "16 bit": png(30, 30, "I;16")}.items()],
    *[of_image("odd name of a picture", n, b"x", n) for n in ("a\n.png", "\x1b[31m.png", "ä" * 99 + ".png", "a b.PNG", "a.exe")],
]  # fmt: skip


@each_kind_first(CASES)
def test_data_are_refused(case: Case, refused: Callable[..., str], tmp_path: Path):
    refused(*case.prepare(tmp_path / "inputs"))
