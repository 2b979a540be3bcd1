"""Records as CSV, one row per example."""

from collections.abc import Sequence

import polars as pl

from hauberk.errors import InputError
from hauberk.reports.families import run_names
from hauberk.reports.run_files import Run


def example_rows(runs: Sequence[Run]) -> str:
    """Return the records of all runs as one table, with the names of run and evaluation before their own columns.

    A cell is empty where there is no value, as in columns of attacks that others have not, or the name of a run's own
    evaluation.

    Raises:
        InputError: the records of two runs do not fit into one table.
    """
    tables = []
    for name, run in zip(run_names(runs), runs, strict=True):
        named = pl.lit(name).alias("run"), pl.lit(run.evaluation or None, pl.String).alias("evaluation")
        try:
            tables.append(run.records.select(*named, pl.all()))
        except pl.exceptions.PolarsError as error:
            raise InputError(f"{run.folder}: its records have columns of their own called so ({error}).") from error
    try:
        return pl.concat(tables, how="diagonal").write_csv()
    except pl.exceptions.PolarsError as error:
        folders = ", ".join(str(run.folder) for run in runs)
        raise InputError(f"the records of {folders} do not fit into one table ({error}): export them apart.") from error
