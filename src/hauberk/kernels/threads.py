"""Loops shared by threads, as many as torch uses."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import torch


def in_threads(loop: Callable[..., None], count: int, *arguments: Any, grain: int = 1) -> None:
    """Call loop(first, last, *arguments) for ranges that make up range(count), each a multiple of `grain` but the last.

    The loop should release the interpreter's lock, as compiled ones do. Exceptions are passed on.
    """
    threads = min(torch.get_num_threads(), -(-count // grain))
    if threads <= 1:
        return loop(0, count, *arguments)
    length = -(-count // (threads * grain)) * grain
    ranges = [(first, min(first + length, count)) for first in range(length, count, length)]
    waiting = [pool(threads, os.getpid()).submit(loop, *part, *arguments) for part in ranges]
    loop(0, min(length, count), *arguments)
    for each in waiting:
        each.result()
    return None


@lru_cache(maxsize=4)
def pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Return this process's threads: a fork inherits none."""
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="hauberk")
