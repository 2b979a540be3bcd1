"""Options about the machine: the number of threads, and the device that networks run on."""

import os
import re
from argparse import ArgumentParser, Namespace

from hauberk.errors import InputError

MOST = 1024
"""Largest number of threads: the system refuses more at some point, and then the process crashes."""


def machine_options(parser: ArgumentParser) -> None:
    """Add the options about the machine."""
    parser.add_argument("--threads", type=int, metavar="N", help="threads on the CPU (default: as many as torch takes)")
    parser.add_argument("--device", help="cpu, cuda, or cuda:1 and so on (default: a GPU if there is one)")


def prepare(options: Namespace) -> None:
    """Give torch the threads and the device that the options ask for.

    Raises:
        InputError: the number of threads is out of range, or there is no such device.
    """
    if options.threads is not None:
        use_threads(options.threads)
    if options.device is not None:
        use_device(options.device)


def use_threads(count: int) -> None:
    """Let torch, and Hauberk's own loops, compute in so many threads."""
    import torch

    if not 1 <= count <= MOST:
        raise InputError(f"--threads must be from 1 to {MOST:,}, but is {count}.")
    torch.set_num_threads(count)


def use_device(name: str) -> None:
    """Let Accelerate choose a device, by its name in torch."""
    if not re.fullmatch("cpu|cuda(:[0-9]{1,3})?", name):
        raise InputError(f"--device must be cpu, cuda or a GPU by its number (cuda:0, cuda:1, ...), but is {name!r}.")
    import torch
    from accelerate import PartialState

    if name == "cpu":
        PartialState(cpu=True)
        return
    _, _, number = name.partition(":")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if int(number or 0) >= count:
        there = ", ".join(["cpu", *(f"cuda:{index}" for index in range(count))])
        raise InputError(f"--device {name}: torch finds no such device here, only {there}.")
    if number and int(os.environ.get("WORLD_SIZE", "1")) > 1:
        raise InputError(
            f"--device {name}: several processes share out the GPUs themselves; choose with CUDA_VISIBLE_DEVICES."
        )
    torch.cuda.set_device(int(number or 0))
