"""Options about what a command says on standard error: its progress, its warnings, and where an error comes from."""

import warnings
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from rich.console import Console
from rich.text import Text

from hauberk.failures import one_line


def loudness_options(parser: ArgumentParser) -> None:
    """Add the options about what a command says."""
    loudness = parser.add_mutually_exclusive_group()
    loudness.add_argument("--quiet", action="store_true", help="show results and errors alone")
    loudness.add_argument("--verbose", action="store_true", help="show where errors and warnings come from")


def progress(options: Namespace, console: Console) -> Console:
    """Return the console that shows the progress."""
    return Console(quiet=True, force_terminal=False) if options.quiet else console


@contextmanager
def warnings_in_lines(options: Namespace, console: Console) -> Iterator[None]:
    """Show warnings on one line each, in the block."""

    def show(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: Any) -> None:
        place = f"{filename}:{lineno}: {category.__name__}: " if options.verbose else ""
        with suppress(OSError):
            console.print(Text.assemble(("warning:", "yellow"), f" {place}{one_line(str(message))}"), soft_wrap=True)

    with warnings.catch_warnings():
        if options.quiet:
            warnings.simplefilter("ignore")
        warnings.showwarning = show
        yield
