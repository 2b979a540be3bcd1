"""Archives and pictures that are damaged, lead out, or promise more than they hold."""

import io
import random
import tarfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from PIL import Image

from hostile.cases import Case, Content, data, each_kind_first
from hostile.makers import cut, tar


def png(width: int, height: int, mode: str = "1") -> bytes:
    """Return a picture of nothing."""
    buffer = io.BytesIO()
    Image.new(mode, (width, height)).save(buffer, "PNG")
    return buffer.getvalue()


def of_tar(kind: str, name: str, content: Content) -> Case:
    return data(kind, name, {"i.tar": content}, "ImageFolder, path: i.tar, size: 28")


def of_image(kind: str, name: str, content: Content, path: str = "a.png") -> Case:
    return data(kind, name, {f"i/test/c/{path}": content}, "ImageFolder, path: i, size: 28")


FILE, PICTURE = tarfile.REGTYPE, png(30, 30, "RGB")
CASES = [
    *[
        of_tar("archive that leads out", n, tar("w", (n, PICTURE, FILE)))
        for n in ("/etc/x", "../x", "test/c/../../../x.png")
    ],
    *[
        of_tar("archive of no files", str(kind), tar("w", ("test/c/a.png", b"", kind)))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE)
    ],
    *[
        of_tar("archive bomb", mode, partial(tar, mode, ("test/c/a.png", 2**27, FILE)))
        for mode in ("w:gz", "w:bz2", "w:xz")
    ],
    *[
        of_tar("archive bomb", kind.decode(), partial(tar, "w:gz", ("././@LongLink", 2**27, kind)))
        for kind in (b"L", b"x", b"g")
    ],
    *[
        of_tar("archive cut short", n, c)
        for n, c in cut(tar("w:gz", ("test/c/a.png", random.Random(0).randbytes(9999), FILE))).items()
    ],
    *[
        of_tar("archive of other files", n, tar("w", (n, PICTURE, FILE)))
        for n in ("a", "test/a.png", "test/c/a.gif", "é\n/b/c")
    ],
    *[of_image("picture cut short", n, c) for n, c in cut(PICTURE).items()],
    *[of_image("picture bomb", f"{n} x {n}", partial(png, n, n)) for n in (3000, 8000)],
    of_image("picture bomb", "long", png(1, 60_000)),
    *[
        of_image("no picture", n, c)
        for n, c in {"text": b"<html>", "GIF": b"GIF89a" + bytes(99), "16 bit": png(30, 30, "I;16")}.items()
    ],
    *[
        of_image("odd name of a picture", n, b"x", n)
        for n in ("a\n.png", "\x1b[31m.png", "ä" * 99 + ".png", "a b.PNG", "a.exe")
    ],
]


@each_kind_first(CASES)
def test_archives_are_refused(case: Case, refused: Callable[..., str], tmp_path: Path):
    refused(*case.prepare(tmp_path / "inputs"))
