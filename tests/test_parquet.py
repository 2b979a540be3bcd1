"""Parquet files in folders of any name."""

import polars as pl
import pytest

from hauberk.parquet import read_metadata, read_parquet


@pytest.mark.parametrize("name", ["[a]", "*", "a?b", "{x,y}", "a b"])
def test_a_path_is_no_pattern(name, tmp_path):
    (tmp_path / name).mkdir()
    file, table = tmp_path / name / "a.parquet", pl.DataFrame({"index": [1, 2]})
    table.write_parquet(file, metadata={"of": name})
    assert read_parquet(file).equals(table)
    assert read_metadata(file)["of"] == name
