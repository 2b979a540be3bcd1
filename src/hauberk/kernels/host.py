"""Tensors whose values can be asked for without a wait."""

from torch import Tensor


def on_host(t: Tensor) -> bool:
    """Return whether a tensor's values are at hand: those on an accelerator are there once all work before is done."""
    return t.device.type == "cpu"
