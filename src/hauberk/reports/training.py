"""The journal of a training, as reports read it."""

import json
from dataclasses import dataclass
from pathlib import Path

from hauberk.errors import InputError
from hauberk.reports.typed_json import parse, read_text


@dataclass(frozen=True)
class Row:
    """A line of the journal: averages since the last line of its kind."""

    kind: str
    epoch: float
    step: int
    loss: float | None
    clean: float | None
    robust: float | None
    """The share that withstood the objective's own attack or is certified by its own bound; None without either."""
    radius: float | None
    """As a share of the threat's."""
    learning_rate: float | None
    seconds: float
    """Since training began."""
    validation_clean: float | None = None
    validation_robust: float | None = None


@dataclass(frozen=True)
class Training:
    """The lines of train.jsonl: every few steps, and at the end of each epoch."""

    steps: list[Row]
    epochs: list[Row]

    @property
    def rows(self) -> list[Row]:
        """The finest record there is: a short training may end before its first line of steps."""
        return self.steps or self.epochs

    @property
    def last(self) -> Row:
        """The newest line."""
        return max([*self.steps, *self.epochs], key=lambda row: row.step)


def read_training(path: Path) -> Training | None:
    """Return the journal of a training, or None where there is no file or no line.

    Raises:
        InputError: a line is corrupt; the message names the file and the line.
    """
    if not path.exists():
        return None
    remedy = "delete the line, or train again."
    lines = [line for line in enumerate(read_text(path, remedy).splitlines(), start=1) if line[1].strip()]
    rows = [parse(text, Row, f"{path}, line {number},", remedy) for number, text in lines]
    for (number, _), row in zip(lines, rows, strict=True):
        if row.kind not in ("step", "epoch"):
            raise InputError(f"{path}, line {number}: kind must be step or epoch, not {json.dumps(row.kind)}: {remedy}")
    if not rows:
        return None
    return Training([row for row in rows if row.kind == "step"], [row for row in rows if row.kind == "epoch"])
