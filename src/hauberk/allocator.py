"""The C library's memory allocator."""

import ctypes
import os
from functools import cache

M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD = -1, -2, -3  # malloc.h of the GNU C library


@cache
def keep_freed_memory() -> None:
    """Let the GNU C library reuse the memory of large tensors for the next ones; do nothing with other C libraries.

    By default it returns the memory to the system, and each 4 KiB of the next tensor costs a page fault: a fifth of the
    time of an attack with batches of 500 on two threads. What bounds, attacks or trains calls this, once in a process.
    """
    library = ctypes.CDLL(None) if os.name == "posix" else None  # Windows has no such handle
    mallopt = getattr(library, "mallopt", None)
    if mallopt is not None:
        for option in (M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD):
            mallopt(option, 2**27 if option == M_TOP_PAD else 2**30)
