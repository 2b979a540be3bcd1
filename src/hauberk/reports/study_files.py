"""The tables of studies, as reports read them."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from hauberk.errors import InputError
from hauberk.parquet import read_metadata, read_parquet
from hauberk.reports.typed_json import parse_mapping

ROWS = 10**6
"""Largest number of rows of a table."""


@dataclass(frozen=True)
class StudyFile:
    """The file of a study's findings.

    Args:
        path: the file.
        study: the name of the study's class.
        facts: the study's statements about its table, by name.
        table: the findings.
        remedy: ends error messages.
    """

    path: Path
    study: str
    facts: dict[str, str]
    table: pl.DataFrame
    remedy: str

    @property
    def name(self) -> str:
        """Its name in the recipe."""
        return self.path.stem

    @property
    def applicable(self) -> bool:
        """True if the study applied; the table is empty otherwise."""
        return "not_applicable" not in self.facts

    def fact(self, name: str) -> str:
        """Return one of the study's statements about its table.

        Raises:
            InputError: there is no such statement.
        """
        if name not in self.facts:
            raise InputError(f"{self.path} lacks the fact {name}: {self.remedy}")
        return self.facts[name]

    def require(self, *columns: str) -> pl.DataFrame:
        """Return the table, or raise unless it has these columns and at least one row.

        Raises:
            InputError: the message names the file and what it lacks.
        """
        missing = set(columns) - set(self.table.columns)
        if missing:
            raise InputError(f"{self.path} lacks the columns {', '.join(sorted(missing))}: {self.remedy}")
        if not len(self.table):
            raise InputError(f"{self.path} holds no row: {self.remedy}")
        return self.table


def read_studies(folder: Path, remedy: str) -> list[StudyFile]:
    """Return the studies of an evaluation, in the recipe's order.

    Raises:
        InputError: a file cannot be read; the message names it and ends with the remedy.
    """
    found = []
    for path in sorted(folder.glob("*.parquet")):
        try:
            metadata, table = read_metadata(path), read_parquet(path, ROWS)
            place, study, facts = int(metadata["place"]), metadata["study"], metadata["facts"]
        except (OSError, KeyError, ValueError) as error:
            raise InputError(f"{path} does not hold the table of a study ({error!r}): {remedy}") from error
        found.append((place, StudyFile(path, study, parse_mapping(facts, str(path), remedy), table, remedy)))
    return [study for _, study in sorted(found, key=lambda pair: pair[0])]
