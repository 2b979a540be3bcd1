"""What a step asks of an accelerator: operations, waits, bytes, arithmetic, memory; foretold on a CPU, or measured."""

import sys
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from time import perf_counter
from types import FunctionType
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch._C._autograd import DeviceType
from torch.profiler import ProfilerActivity, profile
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from hauberk.propagation.unit_bounds import Units

FREE = {"empty", "new_empty", "empty_like", "empty_strided", "new_empty_strided", "_unsafe_view", "lift_fresh"}
FREE |= {"_record_function_enter_new", "_record_function_exit"}
"""Operations without work on the device, besides views."""
AMPLE = 2**30
WAITS = {"_local_scalar_dense", "nonzero", "masked_select", "equal", "allclose", "bincount", "multinomial"}
WAITS |= {"_unique", "_unique2", "unique_dim", "unique_consecutive", "unique_dim_consecutive"}
"""Operations whose answer the processor needs: a value, or a size that depends on values."""

HOST = {"_get_value", "rounded", "labels"}
"""Functions that read optimizers' counts of steps, ends of ranges, and labels, which are checked on CPUs alone."""


@dataclass(frozen=True)
class Work:
    """What a call asked of the device.

    Args:
        launches: the number of operations that do work there; on a GPU, of kernels and copies.
        waits: how often the processor waited for the device's answer.
        moved: the bytes that operations read and wrote; None where they were not counted.
        flops: the arithmetic of matrix products and convolutions; None where it was not counted.
        peak: the largest memory that the call's results took at a time, in bytes.
        busy: the share of the time in which the device worked; None without one.
    """

    launches: int
    waits: int
    moved: int | None
    flops: int | None
    peak: int
    busy: float | None = None

    def seconds(self, launch: float, bandwidth: float, speed: float) -> float | None:
        """Return the time foretold for a device with this time a launch, bytes and operations a second."""
        if self.moved is None or self.flops is None:
            return None
        return self.launches * launch + self.moved / bandwidth + self.flops / speed


def work(call: Callable[[], object], device: torch.device) -> Work:
    """Count what a call asks of the device, by its profiler, or on a CPU by the operations that are dispatched."""
    return profiled(call) if device.type == "cuda" else dispatched(call)


def dispatched(call: Callable[[], object]) -> Work:
    """Count a call's operations on a CPU, without the kernels that are compiled for CPUs alone."""
    with elsewhere(), Dispatched() as found, patch.object(Tensor, "tolist", found.listed):
        call()
    return Work(found.launches, found.waits, found.moved, found.flops, found.peak)


def profiled(call: Callable[[], object]) -> Work:
    """Count a call's kernels and waits on a CUDA device."""
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as found:
        began = perf_counter()
        call()
        torch.cuda.synchronize()
        spent = perf_counter() - began
    events = list(found.events() or [])
    ran = [e for e in events if e.device_type == DeviceType.CUDA and not getattr(e, "is_user_annotation", False)]
    waits = sum(e.name in ("cudaStreamSynchronize", "cudaEventSynchronize") for e in events)
    busy = sum(e.time_range.elapsed_us() for e in ran) / 1e6 / spent
    return Work(len(ran), waits, None, None, torch.cuda.max_memory_allocated() - before, busy)


class Dispatched(TorchDispatchMode):
    """A mode that counts operations, and what they read, write and hold."""

    def __init__(self) -> None:
        super().__init__()
        self.launches, self.waits, self.moved, self.flops = 0, 0, 0, 0
        self.held, self.peak = 0, 0
        self.counts: Counter[str] = Counter()
        self.known: weakref.WeakSet[Any] = weakref.WeakSet()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        given = [t for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)]
        for tensor in given:
            self.known.add(tensor.untyped_storage())  # what was there before does not count
        out = func(*args, **kwargs)
        made = [t for t in tree_leaves(out) if isinstance(t, Tensor)]
        for tensor in made:
            self.hold(tensor)
        name = func.overloadpacket.__name__
        self.waits += (name in WAITS or masks(name, args)) and not on_host()
        if name not in FREE and not view(func):
            self.launches += 1
            self.counts[name] += 1
            self.moved += sum(t.numel() * t.element_size() for t in [*given, *made])
            if func.overloadpacket in flop_registry:
                self.flops += flop_registry[func.overloadpacket](*args, **kwargs, out_val=out)
        return out

    @property
    def listed(self) -> Callable[[Tensor], list[Any]]:
        """A `tolist` that counts as a wait: on a CPU it dispatches no operation."""
        tolist = Tensor.tolist

        def counted(tensor: Tensor) -> list[Any]:
            self.waits += not on_host()
            return tolist(tensor)

        return counted

    def hold(self, tensor: Tensor) -> None:
        """Count the memory of a new tensor, until it is freed."""
        storage = tensor.untyped_storage()
        if storage in self.known:
            return
        self.known.add(storage)
        size = storage.nbytes()
        weakref.finalize(storage, self.free, size)
        self.held += size
        self.peak = max(self.peak, self.held)

    def free(self, size: int) -> None:
        """Forget the memory of a tensor."""
        self.held -= size


def view(func: Any) -> bool:
    """Return whether an operation's result shares the memory of an operand, which it leaves as it is."""
    return any(value.alias_info and not value.alias_info.is_write for value in func._schema.returns)


def on_host() -> bool:
    """Return whether what is read stays on the host, or is read on a CPU alone."""
    frame = sys._getframe(1)
    while frame is not None and frame.f_code.co_name not in HOST:
        frame = frame.f_back
    return frame is not None


def masks(name: str, args: Any) -> bool:
    """Return whether rows are chosen by a mask, whose number only the device knows."""
    chosen = args[1] if name.startswith(("index", "_index")) and isinstance(args[1], list | tuple) else ()
    return any(isinstance(i, Tensor) and i.dtype in (torch.bool, torch.uint8) for i in chosen)


@contextmanager
def elsewhere() -> Iterator[None]:
    """Go the ways of other devices on a CPU: torch's own operations, no choice that waits, and more rows at once."""
    with ExitStack() as stack:
        for name, module in [*sys.modules.items()]:
            if name.startswith("hauberk.") and hasattr(module, "COMPILED"):
                stack.enter_context(patch.object(module, "COMPILED", False))
            if name.startswith("hauberk.") and isinstance(getattr(module, "on_host", None), FunctionType):
                stack.enter_context(patch.object(module, "on_host", lambda t: False))
            if name.startswith("hauberk.") and isinstance(getattr(module, "memory_budget", None), FunctionType):
                stack.enter_context(patch.object(module, "memory_budget", ample))
        stack.enter_context(patch.object(Units, "waits", True))
        yield


def ample(given: int | None, device: torch.device, on_host: int = 0) -> int:
    """Return the bytes for rows where they are counted: less than a GPU has, but as much as a CPU can be asked for."""
    return AMPLE if given is None else given
