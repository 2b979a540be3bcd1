"""Arithmetic in the tensors' own precision."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from operator import attrgetter
from typing import Any

import torch
from torch import backends

KINDS = ("cpu", "cuda")
NAMES = ("cuda.matmul", "cudnn.conv", "cudnn.rnn", "mkldnn.matmul", "mkldnn.conv", "mkldnn.rnn")
PLACES: list[Any] = [attrgetter(name)(backends) for name in NAMES]
"""The places where torch keeps how precise each kind of product is to be."""


@contextmanager
def full_precision() -> Iterator[None]:
    """Compute float32 products in float32: without TF32, bfloat16 kernels or autocast, whatever the user has set.

    Their errors are a thousand times those that bounds allow for. The settings are the process's own, and are restored
    at the end; as a decorator, it holds for every call.
    """
    before, older = [place.fp32_precision for place in PLACES], older_settings()
    with ExitStack() as stack:
        for kind in KINDS:
            if torch.is_autocast_enabled(kind):
                stack.enter_context(torch.autocast(kind, enabled=False))
        try:
            apply(["ieee"] * len(PLACES), (False, "highest"))
            yield
        finally:
            apply(before, older)


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
