"""Deadlines: computations that end when their time is up."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import monotonic
from typing import Any

from torch.overrides import TorchFunctionMode

from hauberk.errors import OutOfTimeError

GRACE = 1.0
"""The seconds in which whatever clears up after the error may call torch; who swallows the error gets another."""

RESTORING = ("_set_grad_enabled", "__set__")
"""The calls that leave a mode, or give a tensor its attributes back: if they raised, that would stay undone."""


class Clocked(TorchFunctionMode):
    """A mode in which the first call of torch after a moment in time raises, unless it restores what another changed.

    Args:
        seconds: the time from now to that moment.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.seconds, self.end = seconds, monotonic() + seconds

    def __torch_function__(
        self,
        function: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        if monotonic() > self.end and getattr(function, "__name__", "") not in RESTORING:
            self.end = monotonic() + GRACE
            raise OutOfTimeError(f"more than {self.seconds:.3g} seconds: give it more, or less to do.")
        return function(*args, **kwargs or {})


@contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """Let the block raise OutOfTimeError at its first call of torch after so many seconds.

    Any attack, bound or network ends thus, without a line of its own about time, at the price of a microsecond a call.
    Single calls of torch, compiled loops and solvers are not interrupted.
    """
    with Clocked(seconds):
        yield
