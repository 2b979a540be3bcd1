"""Whether asking for a tensor's values makes the processor wait."""

from torch import Tensor


def on_host(t: Tensor) -> bool:
    """Return whether a tensor's values are at hand: those on an accelerator are there once all work before is done."""
    return t.device.type == "cpu"
