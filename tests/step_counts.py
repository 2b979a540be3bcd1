"""Counts of what a piece of work would ask of an accelerator, taken on the CPU."""

import traceback
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch._ops import OpOverload
from torch.utils._python_dispatch import TorchDispatchMode

COMPOSITE = torch._C.DispatchKey.CompositeImplicitAutograd
ROOT = Path(__file__).parents[1]
OURS = (f"{ROOT}/src/hauberk/", f"{ROOT}/tests/")
# Memory without content, and the one view whose schema hides that it is one.
FREE = ("empty", "new_empty", "_unsafe_view")
WAITING = {
    *("_local_scalar_dense", "nonzero", "masked_select", "equal", "allclose", "bincount"),
    *("_unique", "_unique2", "unique_dim", "unique_consecutive", "unique_dim_consecutive"),
    *("multinomial", "_linalg_check_errors"),  # these check values
}
HOST = {"_get_value"}  # by which torch's optimizers read their numbers of steps, kept on the host


class StepCounts:
    """The operators run inside the context, backward passes included, and the places where the host would wait.

    On the CPU a copy between host and device runs no operator: `CALLS` are watched instead, and `to` is not seen.
    Tensors that would stay on the host count like all others. What runs on the CPU alone counts, too; an accelerator's
    own branches do not.

    Args:
        allow: functions, named as in `Class.method`, inside which waits do not count: they run, or read, on the host.
    """

    def __init__(self, allow: Collection[str] = ()) -> None:
        self.allow = {*allow, *HOST}
        self.operations: Counter[str] = Counter()
        """How often each operator ran that launches work: neither views nor allocations."""
        self.waits: list[tuple[str, str]] = []
        """The operator or call, and the innermost line of the package or the tests, of every wait: "file:line"."""

    def __enter__(self) -> "StepCounts":
        self.stack = ExitStack()
        self.stack.enter_context(Watched(self))
        # A torch function mode would be off inside Tensor.backward.
        for owner, name, waits in CALLS:
            self.stack.enter_context(patch.object(owner, name, self.watched(getattr(owner, name), waits)))
        return self

    def __exit__(self, *error: object) -> None:
        self.stack.close()

    def watched(self, call: Callable[..., Any], waits: Callable[..., bool]) -> Callable[..., Any]:
        def counted(*args: Any, **kwargs: Any) -> Any:
            if waits(*args, **kwargs):
                self.wait(call.__name__)
            return call(*args, **kwargs)

        return counted

    def wait(self, name: str) -> None:
        """Note a wait at the place that runs now, unless it is allowed there."""
        frames = [(frame.f_code, line) for frame, line in traceback.walk_stack(None)]
        if not any(code.co_qualname in self.allow for code, _ in frames):
            files = [(code.co_filename, line) for code, line in frames if code.co_filename != __file__]
            places = (f"{file.removeprefix(f'{ROOT}/')}:{line}" for file, line in files if file.startswith(OURS))
            self.waits.append((name, next(places, "")))


class Watched(TorchDispatchMode):
    """Tells the counts of every operator."""

    def __init__(self, counts: StepCounts) -> None:
        super().__init__()
        self.counts = counts

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if torch._C._dispatch_has_kernel_for_dispatch_key(function.name(), COMPOSITE.name):
            with self:  # in inference mode operators arrive undivided
                return function._op_dk(COMPOSITE, *args, **kwargs)
        if launches(function):
            self.counts.operations[str(function.overloadpacket)] += 1
        if waits(function, args, kwargs):
            self.counts.wait(str(function.overloadpacket))
        return function(*args, **kwargs)


def launches(function: OpOverload) -> bool:
    """Return whether the operator launches work: its results are neither views nor empty memory nor marks of time."""
    if function.namespace == "profiler":
        return False
    aliases = [result.alias_info for result in function._schema.returns]
    view = aliases and all(alias is not None and not alias.is_write for alias in aliases)
    return not (view or torch.Tag.inplace_view in function.tags or function.overloadpacket.__name__.startswith(FREE))


def waits(function: OpOverload, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool:
    """Return whether the host waits for the operator: it needs a value, or a size that depends on values."""
    name = function.overloadpacket.__name__
    if name in ("index", "index_put", "index_put_", "_index_put_impl_"):
        # One number without gradient fills a mask. A tensor on the device does not, but looks the same here.
        number = name != "index" and not args[2].ndim and not any(args[3:4])
        return not number and any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in args[1])
    if name == "repeat_interleave":
        return function._overloadname == "Tensor" and kwargs.get("output_size") is None
    if name in ("_to_copy", "copy_"):
        ends = [args[0].device, args[1].device if name == "copy_" else kwargs.get("device") or args[0].device]
        return ends[0].type != ends[1].type and not (kwargs.get("non_blocking") or any(args[2:3]))
    return name in WAITING


def reads(t: Tensor, *args: Any, **kwargs: Any) -> bool:
    return t.is_cpu  # on other devices an operator copies


def sends(data: Any, *args: Any, device: Any = None, **kwargs: Any) -> bool:
    return not (isinstance(data, Tensor) or device is None or device == "cpu")


CALLS = (
    *((Tensor, name, reads) for name in ("tolist", "cpu")),
    (Tensor, "new_tensor", lambda *args, **kwargs: True),
    *((torch, name, sends) for name in ("tensor", "as_tensor")),
)
