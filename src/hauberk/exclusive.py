"""One process at a time in a folder."""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hauberk.atomic import sweep
from hauberk.errors import InputError

WINDOWS = sys.platform == "win32"


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold a folder, made if it is missing, for the duration of the block, and sweep what killed processes left in it.

    The system holds the lock, and lets go of it when the process ends in whatever way. It is on the folder itself,
    which thus holds no file for it, except on Windows. File systems without locks are used without, with a warning.

    Raises:
        InputError: another process holds the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    held = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT) if WINDOWS else os.open(folder, os.O_RDONLY)
    try:
        try:
            lock(held)
        except (BlockingIOError, PermissionError) as error:
            raise InputError(
                f"another process is at work in {folder}: wait for it, or choose another folder with --run."
            ) from error
        except OSError as error:
            warnings.warn(f"{folder} cannot be locked ({error}): start no second process there.", stacklevel=2)
        sweep(folder)
        yield
    finally:
        os.close(held)


def lock(descriptor: int) -> None:
    """Lock an open file or folder, or raise at once if another process has locked it."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
