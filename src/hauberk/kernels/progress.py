"""Progress inside a single long computation, told to whoever listens."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Listener = Callable[[str, int, int], None]
"""Is told what is being computed, how many rows are done, and how many there are."""

LISTENER: ContextVar[Listener | None] = ContextVar("LISTENER", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Let a listener hear of all that the block computes, often: it must be quick."""
    token = LISTENER.set(listener)
    try:
        yield
    finally:
        LISTENER.reset(token)


def report(what: str, done: int, total: int) -> None:
    """Tell the listener, if there is one, how many rows are done."""
    listener = LISTENER.get()
    if listener is not None:
        listener(what, done, total)
