"""Arithmetic in the tensors' own precision."""

import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from operator import attrgetter
from threading import Lock
from typing import Any

import torch
from torch import backends

KINDS = ("cpu", "cuda")
NAMES = ("cuda.matmul", "cudnn.conv", "cudnn.rnn", "mkldnn.matmul", "mkldnn.conv", "mkldnn.rnn")
PLACES: list[Any] = [attrgetter(name)(backends) for name in NAMES]
"""The places where torch keeps how precise each kind of product is to be."""


Settings = tuple[list[str], tuple[bool, str]]
TF32: Settings = ["tf32" if kind.startswith("cu") else "ieee" for kind in NAMES], (True, "high")


class Holders:
    """The blocks that hold the process at full precision, in any thread; the last to end restores its settings."""

    def __init__(self) -> None:
        self.lock, self.count = Lock(), 0
        self.before: Settings = [], (False, "highest")

    def enter(self) -> None:
        """Set full precision."""
        with self.lock:
            if not self.count:
                self.before = settings()
            self.count += 1
            apply(["ieee"] * len(PLACES), (False, "highest"))

    def leave(self) -> None:
        """Restore the settings from before the first holder, if no other is left."""
        with self.lock:
            self.count -= 1
            if not self.count:
                apply(*self.before)

    def replace(self, outside: Settings) -> Settings:
        """Set what holds outside of the blocks, and return what has held there."""
        with self.lock:
            replaced = self.before if self.count else settings()
            self.before = outside
            if not self.count:
                apply(*outside)
            return replaced


HOLDERS = Holders()


@contextmanager
def full_precision() -> Iterator[None]:
    """Compute float32 products in float32: without TF32, bfloat16 kernels or autocast, whatever the user has set.

    Their errors are a thousand times those that bounds allow for. The settings are the process's own, and are restored
    when the last block ends that needs full precision; as a decorator, it holds for every call.
    """
    with without_autocast():
        HOLDERS.enter()
        try:
            yield
        finally:
            HOLDERS.leave()


@contextmanager
def without_autocast() -> Iterator[None]:
    """Compute inside in the tensors' own types, whatever autocast the caller is in."""
    with ExitStack() as stack:
        for kind in KINDS:
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        yield


@contextmanager
def tf32() -> Iterator[None]:
    """Let accelerators round the operands of float32 products to TF32, which is several times faster.

    Blocks of full precision inside it, or in other threads, stay exact.
    """
    before = HOLDERS.replace(TF32)
    try:
        yield
    finally:
        HOLDERS.replace(before)


def settings() -> Settings:
    """Return the present settings of both interfaces."""
    return [place.fp32_precision for place in PLACES], older_settings()


def older_settings() -> tuple[bool, str]:
    """Return the settings of torch's older interface; those of full precision where the two interfaces disagree."""
    try:
        return backends.cudnn.allow_tf32, torch.get_float32_matmul_precision()
    except RuntimeError:
        return False, "highest"


def apply(precisions: list[str], older: tuple[bool, str]) -> None:
    """Set both interfaces: torch refuses to read the older one, as torch.export does, if they disagree."""
    backends.cudnn.allow_tf32 = older[0]
    torch.set_float32_matmul_precision(older[1])
    for place, precision in zip(PLACES, precisions, strict=True):
        place.fp32_precision = precision


with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    older_settings()  # torch 2.9 advises against it when it is first called
