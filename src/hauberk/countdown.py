"""Display of an evaluation within a given time: never silent for long, whatever is at work."""

import threading
import time
from contextlib import suppress
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from hauberk.evaluation.standing import Standing

SILENCE = 1.5
"""The longest time without a word, in seconds."""


class Countdown:
    """A display of what is proven and broken so far, and of the time: one live line in a terminal, else plain ones.

    Args:
        console: shows it.
        seconds: the time that the whole may take.
    """

    def __init__(self, console: Console, seconds: float) -> None:
        self.console, self.seconds, self.began = console, seconds, time.monotonic()
        self.standing = Standing("reading the network", 0, 0, 0, 0)
        console.file = console.file  # whoever redirects standard error meanwhile does not silence this
        self.over = threading.Event()
        self.live = Live(get_renderable=self.line, console=console, transient=True) if console.is_terminal else None
        self.thread = threading.Thread(target=self.go_on, daemon=True)

    def __enter__(self) -> "Countdown":
        if self.live is not None:
            self.live.start()
        elif not self.console.quiet:
            self.thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.over.set()
        if self.live is not None:
            self.live.stop()

    @property
    def left(self) -> float:
        """The seconds that are left."""
        return self.seconds - (time.monotonic() - self.began)

    def watch(self, standing: Standing) -> None:
        """Show how far things have come."""
        self.standing = standing

    def line(self) -> Text:
        """Return what is shown at this moment."""
        now, passed = self.standing, time.monotonic() - self.began
        counts = f"{now.seen} seen, {now.wrong} wrong, {now.broken} broken, {now.proven} proven, {now.open} open"
        return Text(f"{clock(passed)} of {clock(self.seconds)}  {counts}  |  {now.stage}")

    def say(self) -> None:
        """Print the line, unless standard error is closed or full."""
        with suppress(OSError, ValueError):
            self.console.print(self.line(), soft_wrap=True)

    def go_on(self) -> None:
        """Print the line again and again until all is over."""
        while not self.over.wait(SILENCE):
            self.say()


def clock(seconds: float) -> str:
    """Return a time as minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
