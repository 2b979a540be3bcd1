"""Records of an evaluation, one per example: what evaluation writes and reports read."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import polars as pl

from hauberk.errors import InputError

SCHEMA = {
    "index": pl.Int64,  # position in the test split
    "label": pl.Int64,
    "prediction": pl.Int64,
    "margin": pl.Float32,  # the label's logit minus the largest other
    "broken_by": pl.String,  # the first attack that found a member of the set with a wrong prediction
    "distance": pl.Float32,  # the least distance of any misclassified point found, a member or not, in the set's norm
    "certified_by": pl.String,  # the first verifier that proved the whole set
    "lower": pl.Float32,  # the best proven lower bound of the margin over the set; null where there is none
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


def outcomes(records: pl.DataFrame) -> dict[str, pl.Series]:
    """Return masks of the examples that count towards clean, attacked and certified accuracy."""
    correct = records["prediction"] == records["label"]
    attacked = correct & records["broken_by"].is_null()
    return {"clean": correct, "attacked": attacked, "certified": attacked & records["certified_by"].is_not_null()}


def read_facts(folder: Path) -> list[dict[str, str]]:
    """Return the metadata of every shard in a folder, in the order of the examples."""
    return [pl.read_parquet_metadata(shard) for shard in sorted(folder.glob("*.parquet"))]


def read_records(folder: Path) -> pl.DataFrame:
    """Return the records of every shard in a folder, in the order of the examples.

    Raises:
        InputError: there is no shard, or one cannot be read; the message names it.
    """
    shards = sorted(folder.glob("*.parquet"))
    if not shards:
        raise InputError(f"{folder} holds no records: run `hauberk evaluate` first.")
    frames = []
    for shard in shards:
        try:
            frames.append(pl.read_parquet(shard))
        except (pl.exceptions.PolarsError, OSError) as error:
            raise InputError(
                f"{shard} is not a readable Parquet file ({error}): delete it and evaluate again."
            ) from error
    return pl.concat(frames).sort("index")
