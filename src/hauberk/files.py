"""Regular files up to a size: a device has no end, a pipe may never begin, and a small file may be the wrong one."""

import errno
import os
import stat
from pathlib import Path

LARGEST_TEXT = 2**26
"""Largest size of a text file, in bytes: a journal of 200,000 lines."""


def regular(path: str | Path, largest: int) -> Path:
    """Return the path of a file that can be read whole.

    Raises:
        OSError: there is no such file, it is a folder, device or pipe, or it has more than `largest` bytes.
    """
    try:
        facts = os.stat(path)
    except ValueError as error:  # a zero byte
        raise OSError(errno.EINVAL, str(error), str(path)) from error
    if not stat.S_ISREG(facts.st_mode):
        raise OSError(errno.EINVAL, "not a regular file but a folder, device or pipe", str(path))
    if facts.st_size > largest:
        said = f"it has {facts.st_size:,} bytes, but no such file has more than {largest:,}"
        raise OSError(errno.EFBIG, said, str(path))
    return Path(path)


def read_bytes(path: str | Path, largest: int) -> bytes:
    """Return the content of a file; raises as `regular` does."""
    return regular(path, largest).read_bytes()


def read_text(path: str | Path, largest: int = LARGEST_TEXT) -> str:
    """Return the text of a file in UTF-8, with or without a mark of its encoding at the start.

    Raises:
        OSError: as for `regular`.
        UnicodeDecodeError: it is not UTF-8.
    """
    return regular(path, largest).read_text(encoding="utf-8-sig")
