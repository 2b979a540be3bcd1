"""Bounds of what compressed data may become: a few bytes may stand for any number of them."""

import bz2
import gzip
import io
import lzma
import zlib
from pathlib import Path

FREE, RATIO = 2**26, 32
"""The bytes that any file may become, and how many more for each byte that it has; the files of MNIST become 5."""
DAMAGE = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError)
"""Errors of a stream that is no such stream, is broken, or becomes more than it may."""
OPENERS = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}
"""Functions that open a compressed file, by its first two bytes: browsers may unpack files but keep their suffix."""


def most(compressed: int) -> int:
    """Return the largest number of bytes that this many compressed ones may become."""
    return max(FREE, RATIO * compressed)


def require_plausible(size: int, compressed: int) -> None:
    """Raise unless compressed data may become that large.

    Raises:
        ValueError: they may not.
    """
    if not 0 <= size <= most(compressed):
        raise ValueError(
            f"{compressed:,} bytes promise {size:,}, more than {RATIO} times as many: this is no data; if it is, "
            "store it uncompressed"
        )


class Bounded(io.RawIOBase):
    """A stream of a file, compressed or not, that ends with an error where it becomes more than it may.

    Args:
        file: the file, or a stream of its content.
        size: its size.

    Raises:
        OSError: it cannot be opened.
    """

    def __init__(self, file: Path | io.BufferedIOBase, size: int) -> None:
        self.size = size
        raw = file.open("rb") if isinstance(file, Path) else file
        opener = OPENERS.get(raw.read(2))
        raw.seek(0)
        self.raw, self.stream = raw, opener(raw, "rb") if opener else raw

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes; their number must be given.

        Raises:
            ValueError: they lead beyond what the file may become.
        """
        if size < 0:
            raise ValueError("a negative number of bytes is asked for")
        require_plausible(self.stream.tell() + size, self.size)
        return self.stream.read(size)

    def seek(self, place: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place, counted from the start; raises as `read` does."""
        require_plausible(place, self.size)
        return self.stream.seek(place, whence)

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the place."""
        return self.stream.tell()

    def close(self) -> None:
        """Close the file."""
        self.stream.close()
        self.raw.close()
        super().close()
