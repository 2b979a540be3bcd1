"""The option that draws the scalars of training elsewhere, beside the progress."""

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from hauberk.errors import InputError
from hauberk.suggestion import nearest

Watch = Callable[[dict[str, Any]], None]
WATCH = "also draw training with tensorboard[:FOLDER] (default: in the run's) or wandb[:PROJECT]; repeatable"
WATCHERS = ("tensorboard", "wandb")


def watch_option(parser: ArgumentParser) -> None:
    """Add the option to a parser."""
    parser.add_argument("--watch", action="append", default=[], metavar="WHERE", help=WATCH)


@contextmanager
def watched(options: Namespace, folder: Path, progress: Watch) -> Iterator[Watch]:
    """Give the block a watcher that shows the progress and draws where the options say; close it in the end.

    Args:
        options: the options of the command.
        folder: the run's folder.
        progress: shows the progress.

    Raises:
        InputError: there is no such watcher, or its package is not installed.
    """
    with ExitStack() as held:
        others = [held.enter_context(watcher(text, folder)) for text in options.watch]
        if not others:
            yield progress
            return
        from hauberk.watching import together

        yield together(progress, *others)


def watcher(text: str, folder: Path) -> Any:
    """Return the watcher that a text such as "wandb:PROJECT" describes.

    Raises:
        InputError: there is no such watcher, or its package is not installed.
    """
    kind, _, where = text.partition(":")
    if kind not in WATCHERS:
        raise InputError(
            f"--watch {text}: there is no {kind!r}{nearest(kind, list(WATCHERS))}: say {' or '.join(WATCHERS)}."
        )
    from hauberk.watching import TensorBoard, WeightsAndBiases

    if kind == "tensorboard":
        return TensorBoard(where or folder / "tensorboard")
    return WeightsAndBiases(where or "hauberk", folder.name, folder)
