"""Parquet files of bounded length: a kilobyte may promise billions of rows, or be damaged in ways that end a reader."""

from pathlib import Path

import polars as pl

from hauberk.files import regular

LARGEST, ROWS = 2**30, 10**7
"""Largest size of a file, in bytes, and number of its rows."""


def read_metadata(path: Path) -> dict[str, str]:
    """Return the metadata of a file; raises as `read_parquet` does."""
    try:
        return pl.read_parquet_metadata(regular(path, LARGEST))
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise ValueError(f"it is no Parquet file, or a damaged one: {error}") from error


def read_parquet(path: Path, rows: int = ROWS) -> pl.DataFrame:
    """Return the table in a file.

    Raises:
        OSError: it is no regular file, or too large.
        ValueError: it is damaged, or has more than so many rows.
    """
    regular(path, LARGEST)
    try:
        count = pl.scan_parquet(path, glob=False).select(pl.len()).collect().item()
        if count > rows:
            raise ValueError(f"it promises {count:,} rows, but may have {rows:,}")
        return pl.read_parquet(path, glob=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise ValueError(f"it is no Parquet file, or a damaged one: {error}") from error
