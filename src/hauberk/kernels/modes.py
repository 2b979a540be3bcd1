"""Modes of a network's parts."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from weakref import WeakKeyDictionary

from torch import nn

LOCK = Lock()
HELD: WeakKeyDictionary[nn.Module, tuple[int, bool]] = WeakKeyDictionary()
"""The parts held in eval mode, in any thread: by how many blocks, and the mode from before the first."""


@contextmanager
def eval_mode(module: nn.Module) -> Iterator[None]:
    """Put a network into eval mode for the block; the last block to end gives each part its own mode back."""
    parts = list(module.modules())
    with LOCK:
        for part in parts:
            holders, training = HELD.get(part, (0, part.training))
            HELD[part] = holders + 1, training
        set_eval(module)
    try:
        yield
    finally:
        with LOCK:
            for part in parts:
                holders, training = HELD.pop(part)
                if holders > 1:
                    HELD[part] = holders - 1, training
                else:
                    part.training = training


def set_eval(module: nn.Module) -> None:
    """Put a network into eval mode; exported programs, which refuse it, keep the mode that they were exported in."""
    try:
        module.eval()
    except NotImplementedError:
        for part in module.modules():
            part.training = False
