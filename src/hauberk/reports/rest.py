"""The work that an evaluation within a given time left undone, in words."""

from typing import Any

from rich.console import Console
from rich.text import Text

from hauberk.reports.summary import Summary
from hauberk.reports.tables import duration, read


def print_rest(content: dict[str, Any], console: Console) -> None:
    """Print what was left undone, from the content of evaluation/summary.json."""
    for sentence in undone(read(content)):
        console.print(Text(sentence))


def undone(summary: Summary) -> list[str]:
    """Return what was left undone: examples that were not judged, and stages that were not through."""
    said = []
    if summary.offered is not None and summary.offered > summary.examples:
        said.append(
            f"Judged: the first {summary.examples:,} of {summary.offered:,} examples, as many as {summary.minutes:g} "
            f"{'minute allows' if summary.minutes == 1 else 'minutes allow'}."
        )
    if summary.rest:
        parts = [f"{rest.name} ({rest.examples:,} examples, {cost(rest.seconds)})" for rest in summary.rest]
        whole = sum(rest.seconds or 0.0 for rest in summary.rest)
        unknown = " and more" if any(rest.seconds is None for rest in summary.rest) else ""
        said.append(
            f"Not through when the time was up: {', '.join(parts)}; all of it would take {cost(whole)}{unknown}."
        )
    return said


def cost(seconds: float | None) -> str:
    """Return a foreseen time in words."""
    return "unknown" if seconds is None else f"about {duration(seconds)}"
