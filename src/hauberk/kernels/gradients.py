"""Gradients wherever the caller is: under `torch.no_grad` or inside `torch.inference_mode`."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from hauberk.errors import InputError


@contextmanager
def gradients() -> Iterator[None]:
    """Record gradients inside, whatever mode the caller is in.

    Raises:
        InputError: a gradient would have to pass a tensor made inside `torch.inference_mode`, such as a weight.
    """
    try:
        with torch.inference_mode(False), torch.enable_grad():
            yield
    except RuntimeError as error:
        if "nference tensor" not in str(error):
            raise
        raise InputError(
            "no gradient passes tensors made inside torch.inference_mode, but the network, its graph or the set holds "
            "some: make it outside, or use torch.no_grad instead."
        ) from error


def ordinary(t: Tensor) -> Tensor:
    """Return a tensor that gradients may pass: a copy if it was made inside `torch.inference_mode`."""
    return t.clone() if t.is_inference() else t


@contextmanager
def ordinary_mode() -> Iterator[None]:
    """Leave `torch.inference_mode`: what is made inside, gradients may pass; they are recorded only if they were."""
    recorded = torch.is_grad_enabled()
    with torch.inference_mode(False), torch.set_grad_enabled(recorded):
        yield
