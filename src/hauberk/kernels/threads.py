"""Loops shared by threads, as many as torch uses."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache

import torch


def in_threads(loop: Callable[[int, int], None], count: int, grain: int = 1) -> None:
    """Run loop(first, last) over ranges that make up range(count), each but the last a multiple of `grain` long.

    The loop should release the interpreter's lock, as compiled ones do. Exceptions are passed on.
    """
    threads = min(torch.get_num_threads(), -(-count // grain))
    if threads <= 1:
        return loop(0, count)
    length = -(-count // (threads * grain)) * grain
    ranges = [(first, min(first + length, count)) for first in range(length, count, length)]
    waiting = [pool(threads, os.getpid()).submit(loop, *part) for part in ranges]
    loop(0, min(length, count))
    for each in waiting:
        each.result()
    return None


@lru_cache(maxsize=4)
def pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Return this process's threads: a fork inherits none."""
    return ThreadPoolExecutor(threads - 1, thread_name_prefix="hauberk")
