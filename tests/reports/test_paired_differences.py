"""Differences between two runs, on the examples that both were evaluated on."""

import json

import polars as pl
import pytest

from hauberk.reports.paired_differences import differences
from hauberk.reports.run_files import read_run


def changed(folder, **columns):
    """Change columns of a run's records, and read the run."""
    for file in (folder / "evaluation/records").iterdir():
        pl.read_parquet(file).with_columns(**columns).write_parquet(file)
    return read_run(folder)


def test_differences_are_of_the_same_examples(make_run):
    broken = pl.when(pl.col("index") < 40).then(pl.lit("PGD-40 x 3")).otherwise(None)
    second = changed(make_run("b"), prediction=pl.col("index") % 10, broken_by=broken)
    examples, (clean, attacked, certified) = differences(read_run(make_run("a")), second)
    assert examples == 200
    # The first gets 0 to 195 right, 0 to 179 withstand, 0 to 149 are proven; the second all, 40 to 199, and 40 to 149.
    assert (clean.measure, clean.first, clean.second, clean.only_first, clean.only_second) == ("clean", 0.98, 1.0, 0, 4)
    assert (attacked.first, attacked.second, attacked.only_first, attacked.only_second) == (0.9, 0.8, 40, 20)
    assert attacked.share == pytest.approx(0.1)
    assert attacked.low < 0.1 < attacked.high
    assert (certified.only_first, certified.only_second) == (40, 0)
    assert certified.low > 0


def test_an_accuracy_that_one_of_them_lacks_is_not_compared(make_run):
    _, found = differences(*map(read_run, (make_run("a"), make_run("b", certified=None))))
    assert [one.measure for one in found] == ["clean", "attacked"]


def test_examples_that_only_one_was_evaluated_on_do_not_count(make_run):
    folders = [make_run("a"), make_run("b")]
    for folder, moved in zip(folders, (120, 80), strict=True):
        (folder / "evaluation/records/000000000.parquet").unlink()
        summary = folder / "evaluation/summary.json"
        nothing = {"count": 0, "share": 0, "low": 0, "high": 1}
        content = json.loads(summary.read_text()) | {"examples": 80}
        content |= dict.fromkeys(("clean", "attacked", "certified"), nothing)
        summary.write_text(json.dumps(content))
        changed_file = folder / "evaluation/records/000000120.parquet"
        pl.read_parquet(changed_file).with_columns(pl.col("index") + moved).write_parquet(changed_file)
    examples, (clean, *_) = differences(*map(read_run, folders))
    # Examples 240 to 279 of both; labels go with the rows, which are 40 apart.
    assert (examples, clean.only_first + clean.only_second) == (40, 4)
