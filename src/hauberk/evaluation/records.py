"""Records of an evaluation, one per example: what evaluation writes and reports read."""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from jaxtyping import Float64

from hauberk.errors import InputError
from hauberk.parquet import read_metadata, read_parquet

Floats = Float64[np.ndarray, "n"]
FILE_NAME = re.compile(r"\w[\w ,.()+-]{0,49}")
"""The names of studies and adversaries, which name files and folders; in UTF-8 a letter has up to four bytes."""

ROWS = 10**6
"""Largest number of rows of a shard."""
SCHEMA = {
    "index": pl.Int64,  # position in the test split
    "label": pl.Int64,
    "prediction": pl.Int64,
    "margin": pl.Float32,  # the label's logit minus the largest other
    "broken_by": pl.String,  # the first attack that found a member of the set with a wrong prediction
    "distance": pl.Float32,  # the least distance of any misclassified point found, a member or not, in the set's norm
    "certified_by": pl.String,  # the first verifier that proved the whole set
    "lower": pl.Float32,  # the best proven lower bound of the margin over the set; null where there is none
    "radius": pl.Float32,  # the largest radius proven; 0 for none, null where no verifier that ran searched for one
    "eps": pl.Float64,  # the radius tried
    "seconds": pl.Float64,  # an equal share of its shard's wall time
}
"""The columns that all records have; `attack_schema` names those of the attacks."""


def broken_column(attack: str) -> str:
    """Return the name of the column of whether the attack broke an example; null where it was not tried."""
    return f"broken: {attack}"


def distance_column(attack: str) -> str:
    """Return the name of the column of distances, in the set's own norm, of misclassified points that the attack found.

    Null where it found none, or where the set has no norm. Rounded up: the true distance is at most the recorded one.
    """
    return f"distance: {attack}"


def attack_schema(attacks: Iterable[str]) -> dict[str, Any]:
    """Return the columns that records of an evaluation with these attacks have besides those of `SCHEMA`."""
    return {
        column: kind
        for name in attacks
        for column, kind in ((broken_column(name), pl.Boolean), (distance_column(name), pl.Float32))
    }


LATER = ("distance", "radius")
"""The columns that files of earlier releases lack."""
RIGHT = pl.col("prediction") == pl.col("label")
NEAREST = pl.min_horizontal("distance", pl.when(pl.col("broken_by").is_not_null()).then("eps"))
"""The distance of the nearest misclassified point found; members of a set without a norm count as its radius."""
PROVEN = pl.max_horizontal("radius", pl.when(pl.col("certified_by").is_not_null()).then("eps"))
"""The largest radius proven, whether or not a verifier searched for it."""
OVERTURNED = (NEAREST <= PROVEN).fill_null(False)
"""True for examples that are misclassified where they are proven to be right, as a proof that may fail allows: such a
proof certifies nothing, at any radius."""


def outcomes(records: pl.DataFrame) -> dict[str, pl.Series]:
    """Return masks of the examples that count towards clean, attacked and certified accuracy."""
    attacked = RIGHT & pl.col("broken_by").is_null()
    certified = attacked & pl.col("certified_by").is_not_null() & ~OVERTURNED
    return completed(records).select(clean=RIGHT, attacked=attacked, certified=certified).to_dict()


def attacked_radii(records: pl.DataFrame) -> Floats:
    """Return the distances of the nearest misclassified points found: infinite for none, 0 for the example itself."""
    return column(records, pl.when(RIGHT).then(NEAREST.fill_null(inf)).otherwise(0.0))


def certified_radii(records: pl.DataFrame) -> Floats:
    """Return the radii up to which examples count as rightly classified and certified; 0 for none.

    All are below the distance of a misclassified point, and at the records' own radius they count the same examples as
    certified accuracy does.
    """
    records = completed(records)
    radii = column(records, pl.when(RIGHT & ~OVERTURNED).then(PROVEN.fill_null(0.0)).otherwise(0.0))
    below = column(records, pl.when(pl.col("certified_by").is_null()).then("eps").otherwise(inf))
    return np.minimum(radii, np.nextafter(np.minimum(attacked_radii(records), below), 0))


def column(records: pl.DataFrame, expression: pl.Expr) -> Floats:
    """Return a number per example."""
    return records.select(expression.cast(pl.Float64)).to_series().to_numpy()


def completed(records: pl.DataFrame) -> pl.DataFrame:
    """Return records with the columns that files of earlier releases lack, without values."""
    missing = [name for name in LATER if name not in records.columns]
    if not missing or "certified_by" not in records.columns:  # the records of a cascade have other columns
        return records
    known = [name for name in SCHEMA if name in records.columns or name in missing]
    records = records.with_columns(pl.lit(None, SCHEMA[name]).alias(name) for name in missing)
    return records.select(*known, *(name for name in records.columns if name not in SCHEMA))


@contextmanager
def reading(shard: Path) -> Iterator[None]:
    """Name the shard that cannot be read, and what to do."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise InputError(f"{shard} is not a readable Parquet file ({error}): delete it and evaluate again.") from error


def records_in(shard: Path) -> pl.DataFrame:
    """Return the records of one shard.

    Raises:
        InputError: it cannot be read; the message names it.
    """
    with reading(shard):
        return completed(read_parquet(shard, ROWS))


def facts_in(shard: Path) -> dict[str, str]:
    """Return the metadata of one shard; raises as `records_in` does."""
    with reading(shard):
        return read_metadata(shard)


def read_facts(folder: Path) -> list[dict[str, str]]:
    """Return the metadata of every shard in a folder, in the order of the examples."""
    return [facts_in(shard) for shard in sorted(folder.glob("*.parquet"))]


def read_records(folder: Path) -> pl.DataFrame:
    """Return the records of every shard in a folder, in the order of the examples.

    Raises:
        InputError: there is no shard, or one cannot be read; the message names it.
    """
    shards = sorted(folder.glob("*.parquet"))
    if not shards:
        raise InputError(f"{folder} holds no records: run `hauberk evaluate` first.")
    try:
        return pl.concat([records_in(shard) for shard in shards]).sort("index")
    except pl.exceptions.PolarsError as error:
        raise InputError(
            f"{folder}: the shards do not fit together ({error}): delete it and evaluate again."
        ) from error
