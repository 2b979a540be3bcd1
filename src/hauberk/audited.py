"""The result of an audit."""

from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

import polars as pl
from rich.console import Console

from hauberk import accepted
from hauberk.evaluation.summary import Summary
from hauberk.reports import print_headline, print_rest, write_report
from hauberk.reports.accuracies import Share


@dataclass(frozen=True)
class Audit:
    """The result of an audit.

    Args:
        summary: accuracies with exact intervals, results of each attack and verifier, reasons, and what is left to do.
        records: one row per example, see `evaluation.records`.
        folder: holds them as files, and is gone with this object if none was given.
        kept: keeps the folder.
    """

    summary: Summary
    records: pl.DataFrame
    folder: Path
    kept: object = field(default=None, repr=False)

    @property
    def clean(self) -> Share:
        """The share of the examples that is classified correctly."""
        return Share(**self.summary["clean"])

    @property
    def attacked(self) -> Share | None:
        """The share that is classified correctly and withstood every attack; None if no attack applied."""
        found = self.summary["attacked"]
        return found and Share(**found)

    @property
    def certified(self) -> Share | None:
        """The share that is classified correctly and proven; None if no verifier applied."""
        found = self.summary["certified"]
        return found and Share(**found)

    @property
    def reasons(self) -> dict[str, str]:
        """The reasons why an accuracy is None, by its name."""
        return self.summary["not_applicable"]

    @property
    def rest(self) -> list[dict[str, Any]]:
        """The attacks and verifiers that were not through: their names, examples left, and the seconds to expect."""
        return self.summary["rest"]

    def report(self, file: Path | str = "audit.html") -> Path:
        """Write the page of the audit, a file that needs no other, and return its path."""
        return write_report([self.folder], accepted.folder_at(file))

    def __str__(self) -> str:
        console = Console(width=120, record=True, file=StringIO())
        print_headline(self.summary, console)
        print_rest(self.summary, console)
        return console.export_text()
