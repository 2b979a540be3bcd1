"""Count the operations that a call dispatches, as an accelerator would have to launch them.

On the meta device nothing is computed, and whatever waits for a device's answer (`item`, `tolist`, `nonzero`, boolean
indexing, a copy to the host) raises: a step that runs there runs on an accelerator without a wait.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode

VIEWS = {
    *("alias", "as_strided", "detach", "expand", "permute", "select", "slice", "split", "split_with_sizes", "squeeze"),
    *("t", "transpose", "unbind", "unsqueeze", "view", "_unsafe_view", "lift_fresh", "_reshape_alias"),
    *("_record_function_enter_new", "_record_function_exit"),
}
"""Operations without work on the device."""
WAITS = {"_local_scalar_dense", "nonzero", "masked_select", "equal", "_unique2", "unique_dim", "is_nonzero"}


class Dispatched(TorchDispatchMode):
    """A mode that counts operations by name; `index` with a mask counts as a wait."""

    def __init__(self) -> None:
        super().__init__()
        self.counts: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        indices = args[1] if name.startswith(("index", "_index")) and isinstance(args[1], list | tuple) else ()
        masks = any(map(boolean, indices))
        self.counts["nonzero" if masks else name] += 1
        return func(*args, **(kwargs or {}))

    @property
    def launches(self) -> int:
        """The number of operations that do work on the device."""
        return sum(count for name, count in self.counts.items() if name not in VIEWS)

    @property
    def waits(self) -> dict[str, int]:
        """The operations after which the processor must wait for the device, with their numbers."""
        return {name: count for name, count in self.counts.items() if name in WAITS}


def boolean(index: Any) -> bool:
    """Return whether an index is a mask, whose number of rows only the device knows."""
    return isinstance(index, torch.Tensor) and index.dtype in (torch.bool, torch.uint8)


def dispatched(call: Callable[[], object]) -> Dispatched:
    """Return the operations of a call."""
    with Dispatched() as found:
        call()
    return found
