"""Pictures and tables of one network against many adversaries."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from hauberk.errors import InputError
from hauberk.evaluation.records import FILE_NAME
from hauberk.pixel_fractions import as_decimals
from hauberk.reports.examples import Examples, Picture, draw_strip, read_examples
from hauberk.reports.faced import Unforeseen
from hauberk.reports.summary import Summary
from hauberk.reports.tables import percent, read

Faces = list[tuple[str, Examples]]
"""The names of adversaries, and a few examples under each."""


def read_faces(folder: Path, unforeseen: Unforeseen | None, remedy: str) -> Faces:
    """Return the examples that were kept of each adversary, where there are any.

    Raises:
        InputError: a name is no name of a folder, or a file is corrupt; the message ends with the remedy.
    """
    found = []
    for faced in unforeseen.adversaries if unforeseen else []:
        if not FILE_NAME.fullmatch(faced.name):
            raise InputError(f"{folder} cannot hold a folder of the name {faced.name[:40]!r}: {remedy}")
        found.append((faced.name, read_examples(folder / faced.name / "examples.safetensors", remedy)))
    return [(name, examples) for name, examples in found if examples is not None]


def draw_faces(faces: Faces) -> list[tuple[str, list[Picture]]]:
    """Return rows of pictures: the same inputs, and what each adversary makes of them, with the difference drawn."""
    rows = []
    for name, examples in faces:
        strip = draw_strip(examples)
        rows += [] if rows else [("clean", strip["clean"])]
        rows += [(name, strip["adversarial"]), (f"± {examples.largest_change:.2g}", strip["difference"])]
    return rows


def compared(named: Sequence[tuple[str, Summary]]) -> list[list[tuple[str, Summary]]]:
    """Return the runs that faced the same adversaries, in groups of more than one."""
    groups: dict[tuple, list[tuple[str, Summary]]] = {}
    for name, summary in named:
        if summary.unforeseen is not None:
            alike = (summary.subject, as_decimals(summary.threat), summary.examples, summary.unforeseen.kinds)
            groups.setdefault(alike, []).append((name, summary))
    return [group for group in groups.values() if len(group) > 1]


def print_adversaries(content: dict[str, Any], console: Console) -> None:
    """Print what each adversary leaves, from the content of evaluation/summary.json; nothing without adversaries."""
    found = read(content).unforeseen
    if found is None:
        return
    table = Table("adversary", "threat")
    for heading in ("at rest", "attacked", "certified"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in found.adversaries:
        shares = (percent(share.share) if share else "–" for share in (row.rest, row.attacked, row.certified))
        table.add_row(Text(row.name), Text(row.threat), *shares)
    table.add_section()
    if found.worst is not None and found.mean is not None:
        table.add_row("all at once", "worst case per example", "", percent(found.worst.share), "")
        table.add_row("mean", "of those that attacked", "", percent(found.mean), "")
    console.print(table)
