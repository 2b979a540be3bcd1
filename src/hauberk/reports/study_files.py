"""The tables of studies, as reports read them."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from hauberk.errors import InputError
from hauberk.reports.typed_json import parse_mapping


@dataclass(frozen=True)
class StudyFile:
    """A study's answer."""

    path: Path
    study: str
    """The name of the study's class."""
    facts: dict[str, str]
    table: pl.DataFrame
    remedy: str

    @property
    def name(self) -> str:
        """What the recipe calls it."""
        return self.path.stem

    @property
    def applicable(self) -> bool:
        """Whether the question made sense; the table is empty otherwise."""
        return "not_applicable" not in self.facts

    def fact(self, name: str) -> str:
        """Return what the study says beside its table.

        Raises:
            InputError: it says nothing of this.
        """
        if name not in self.facts:
            raise InputError(f"{self.path} lacks the fact {name}: {self.remedy}")
        return self.facts[name]

    def require(self, *columns: str) -> pl.DataFrame:
        """Return the table, or refuse it without these columns or without a row.

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
        InputError: a file is not readable; the message names it and ends with the remedy.
    """
    found = []
    for path in sorted(folder.glob("*.parquet")):
        try:
            metadata, table = pl.read_parquet_metadata(path), pl.read_parquet(path)
            place, study, facts = int(metadata["place"]), metadata["study"], metadata["facts"]
        except (pl.exceptions.PolarsError, OSError, KeyError, ValueError) as error:
            raise InputError(f"{path} does not hold the table of a study ({error!r}): {remedy}") from error
        found.append((place, StudyFile(path, study, parse_mapping(facts, str(path), remedy), table, remedy)))
    return [study for _, study in sorted(found, key=lambda pair: pair[0])]
