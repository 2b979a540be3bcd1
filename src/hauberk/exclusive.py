"""One process at a time in a folder."""

import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hauberk.atomic import sweep
from hauberk.errors import InputError

WINDOWS = sys.platform == "win32"


@contextmanager
def exclusive(folder: Path) -> Iterator[None]:
    """Hold a folder, made if it is missing, for the duration of the block, and sweep what killed processes left in it.

    A folder that was missing and stays empty goes again. What is in it may have been made by others that share it.

    Raises:
        InputError: another process holds the folder, or shares it.
    """
    made = [each for each in (folder, *folder.parents) if not each.exists()]
    with hold(folder, shared=False):
        sweep(folder)
        try:
            yield
        finally:
            with suppress(OSError):  # not empty
                for each in made:
                    each.rmdir()


@contextmanager
def hold(folder: Path, *, shared: bool) -> Iterator[None]:
    """Hold a folder, made if it is missing, for the duration of the block, alone or with others that share it.

    The system holds the lock, and lets go of it when the process ends in whatever way. It is on the folder itself,
    which thus holds no file for it, except on Windows, where nothing is shared: each holds it alone. File systems
    without locks are used without, with a warning.

    Raises:
        InputError: another process holds the folder in a way that this one cannot share.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT) if WINDOWS else os.open(folder, os.O_RDONLY)
    try:
        try:
            lock(descriptor, shared=shared)
        except (BlockingIOError, PermissionError) as error:
            raise InputError(
                f"another process is at work in {folder}: wait for it, or choose another folder by --run (for an "
                "evaluation by --as)."
            ) from error
        except OSError as error:
            warnings.warn(f"{folder} cannot be locked ({error}): start no second process there.", stacklevel=2)
        yield
    finally:
        os.close(descriptor)


def lock(descriptor: int, *, shared: bool) -> None:
    """Lock an open file or folder, or raise at once if another process has locked it."""
    if sys.platform == "win32":
        import msvcrt

        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
    else:
        import fcntl

        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
