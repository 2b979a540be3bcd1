"""Atomic file replacement: a killed process leaves either the old file or the new one."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hauberk.errors import InputError

UNFINISHED = ".unfinished-"
"""Stands in the names of what is being written."""


def unfinished(path: Path) -> Path:
    """Return the place where this process writes what is to replace `path`."""
    return path.with_name(f".{path.name}{UNFINISHED}{os.getpid()}")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path next to `path`, which replaces it when the block ends without an error.

    A link stays, and leads to the new file, which gets the mode that the umask leaves, whatever mode its writer chose.

    Raises:
        InputError: a folder, a device or a pipe is there: only regular files are replaced.
    """
    path = Path(os.path.realpath(path))
    require_replaceable(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = unfinished(path)
    try:
        temporary.touch()
        mode = temporary.stat().st_mode
        yield temporary
        temporary.chmod(mode)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def require_replaceable(path: Path) -> None:
    """Raise if something other than a regular file is where one is to be written.

    Raises:
        InputError: a folder, a device or a pipe is there.
    """
    if path.exists() and not path.is_file():
        raise InputError(f"{path} is a folder, a device or a pipe, and is left as it is: name a file to write to.")


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sweep(folder: Path) -> None:
    """Remove what killed processes were writing in a folder, and in those inside it; nobody may be writing there."""
    for path in list(folder.rglob(f".*{UNFINISHED}*")):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
