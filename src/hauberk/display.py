"""Display of progress: a live bar in a terminal, plain lines elsewhere."""

from contextlib import ExitStack
from time import monotonic
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from hauberk.kernels.progress import listening

PAUSE, SILENCE = 2.0, 15.0
"""The seconds without news after which a terminal, or else a line, says what is being computed."""


COMPUTING = "computing"


class Display:
    """A watcher of training and evaluation. Without a terminal it prints one plain line per epoch and stage.

    If there are more than a hundred epochs, it shows only those that complete a percent. Bound passes that take long
    say which value they have reached.

    Args:
        console: shows the progress.
    """

    def __init__(self, console: Console) -> None:
        self.console = console
        self.live = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=None),
            TextColumn("{task.percentage:3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self.tasks: dict[str, TaskID] = {}
        self.held, self.latest = ExitStack(), monotonic()

    def __enter__(self) -> "Display":
        self.live.start()
        self.held.enter_context(listening(self.computing))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.held.close()
        self.live.stop()

    def training(self, record: dict[str, Any]) -> None:
        """Show a record of the training journal."""
        seen = f"loss {record['loss']:.3f}  {accuracies(record, '')}"
        of = f"{record['variant']}  " if "variant" in record else ""
        self.advance(f"training {of}", f"training  {of}{seen}", record["step"], record["steps"])
        if record["kind"] == "epoch" and not self.console.is_terminal and completes_percent(record):
            held_out = f"  | held out: {accuracies(record, 'validation_')}" if "validation_clean" in record else ""
            self.line(f"{of}epoch {record['epoch']:.0f}  {seen}{held_out}  {record['seconds']:.0f} s")

    def evaluation(self, stage: str, done: int, total: int) -> None:
        """Show how far a stage of the evaluation has come."""
        self.advance(stage, f"evaluating  {stage}", done, total)
        if done == total and not self.console.is_terminal:
            self.line(f"evaluated {stage}: {total} examples")

    def computing(self, what: str, done: int, total: int) -> None:
        """Show how far a single computation has come, if nothing else has been shown for a while."""
        pause = PAUSE if self.console.is_terminal else SILENCE
        if monotonic() - self.latest < pause:
            return
        self.advance(COMPUTING, what, done, total)
        if not self.console.is_terminal:
            self.line(f"{what}: {done:,} of {total:,} rows")

    def advance(self, key: str, description: str, done: int, total: int) -> None:
        """Move the bar of a task, which is added when first seen."""
        self.latest = monotonic()
        if key not in self.tasks:
            self.tasks[key] = self.live.add_task(description)
        if COMPUTING in self.tasks:
            self.live.update(self.tasks[COMPUTING], visible=key == COMPUTING)
        self.live.update(self.tasks[key], description=description, completed=done, total=total)

    def line(self, text: str) -> None:
        """Print a line of text as it is."""
        self.console.print(text, highlight=False, markup=False, soft_wrap=True)


def completes_percent(record: dict[str, Any]) -> bool:
    """Return whether the epoch that ends here completes another percent of training."""
    before = record["step"] - round(record["step"] / record["epoch"])
    return 100 * record["step"] // record["steps"] > 100 * before // record["steps"]


def accuracies(record: dict[str, Any], prefix: str) -> str:
    """Return the known accuracies of a record as text; `prefix` is that of their keys."""
    shares = {"clean": record[f"{prefix}clean"], record["measure"]: record[f"{prefix}robust"]}
    return "  ".join(f"{name} {100 * share:.1f} %" for name, share in shares.items() if share is not None)
