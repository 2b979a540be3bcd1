"""What evaluation writes and reports read: one record per example, and their summary."""

from pathlib import Path

import polars as pl

from hauberk.errors import InputError

SCHEMA = {
    "index": pl.Int64,  # position in the test split
    "label": pl.Int64,
    "prediction": pl.Int64,
    "margin": pl.Float32,  # the label's logit minus the largest other
    "broken_by": pl.String,  # the first attack that found a member of the set with a wrong prediction
    "certified_by": pl.String,  # the first verifier that proved the whole set
    "lower": pl.Float32,  # the best proven lower bound of the margin over the set; null where there is none
    "eps": pl.Float64,  # the radius tried
    "seconds": pl.Float64,  # an equal share of its shard's wall time
}


def read_records(folder: Path) -> pl.DataFrame:
    """Return the records of every shard in a folder, in the order of the examples.

    Raises:
        InputError: there is no shard, or one is not readable; the message names it.
    """
    shards = sorted(folder.glob("*.parquet"))
    if not shards:
        raise InputError(f"{folder} holds no records: run `hauberk evaluate` first.")
    frames = []
    for shard in shards:
        try:
            frames.append(pl.read_parquet(shard))
        except (pl.exceptions.PolarsError, OSError) as error:
            raise InputError(f"{shard} is no readable Parquet file ({error}): delete it and evaluate again.") from error
    return pl.concat(frames).sort("index")
