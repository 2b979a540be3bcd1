"""Records as CSV: nothing of them is lost, and nothing is added but where they are from."""

import csv
import io

import polars as pl
import pytest

from hauberk.errors import InputError
from hauberk.reports.exports.example_rows import example_rows
from hauberk.reports.run_files import read_runs
from reports.synthetic import EXAMPLES, records


def rows(*folders):
    return list(csv.DictReader(io.StringIO(example_rows(read_runs(folders)))))


def change(folder, **columns):
    """Give the first shard of a run other columns."""
    file = folder / "evaluation/records/000000000.parquet"
    pl.read_parquet(file).with_columns(**columns).write_parquet(file)


def test_every_example_of_every_evaluation_is_a_row(make_run, judge):
    folder = make_run("a/run")
    judge(folder, "strong, too")
    found = rows(folder, make_run("b/run"))
    assert [(row["run"], row["evaluation"]) for row in found[::EXAMPLES]] == [
        ("a/run", ""), ("a/run", "strong, too"), ("b/run", ""),
    ]  # fmt: skip
    assert len(found) == 3 * EXAMPLES
    assert list(found[0]) == ["run", "evaluation", *records().columns]
    for row, known in zip(found, records().iter_rows(named=True), strict=False):
        assert row["broken_by"] == (known["broken_by"] or "")
        assert [int(row[name]) for name in ("index", "label", "prediction")] == [
            known["index"], known["label"], known["prediction"],
        ]  # fmt: skip
        assert row["lower"] == "" if known["lower"] is None else float(row["lower"]) == pytest.approx(known["lower"])


def test_odd_values_stay_what_they_are(make_run):
    folder = make_run()
    huge = pl.Series("margin", [float("nan"), float("inf"), -3e38, *[1.0] * 117], pl.Float32)
    change(folder, margin=huge, broken_by=pl.lit('a,"b"\n=1+1'))
    found = rows(folder)
    assert [float(row["margin"]) for row in found[1:4]] == [float("inf"), pytest.approx(-3e38), 1.0]
    assert float(found[0]["margin"]) != float(found[0]["margin"])
    assert {row["broken_by"] for row in found[:120]} == {'a,"b"\n=1+1'}


def test_attacks_of_one_run_are_empty_in_another(make_run):
    first, second = make_run("first"), make_run("second")
    for file in (second / "evaluation/records").iterdir():
        pl.read_parquet(file).rename({"broken: Square": "broken: FAB"}).write_parquet(file)
    found = rows(first, second)
    assert {row["broken: FAB"] for row in found[:EXAMPLES]} == {""}
    assert {row["broken: Square"] for row in found[EXAMPLES:]} == {""}


def test_no_example_is_a_table_without_rows(make_run):
    nothing = {"count": 0, "share": 0.0, "low": 0.0, "high": 1.0}
    folder = make_run(examples=0, clean=nothing, attacked=nothing, certified=nothing)
    for file in (folder / "evaluation/records").iterdir():
        records()[:0].write_parquet(file)
    assert example_rows(read_runs([folder])) == ",".join(["run", "evaluation", *records().columns]) + "\n"


def test_records_with_columns_of_these_names_are_refused(make_run):
    folder = make_run()
    for file in (folder / "evaluation/records").iterdir():
        pl.read_parquet(file).with_columns(run=pl.lit("mine")).write_parquet(file)
    with pytest.raises(InputError, match=r"small: its records have columns of their own called so"):
        rows(folder)


def test_records_of_other_types_are_refused(make_run):
    folder = make_run("typed")
    for file in (folder / "evaluation/records").iterdir():
        pl.read_parquet(file).with_columns(pl.col("label").cast(pl.String)).write_parquet(file)
    with pytest.raises(InputError, match="do not fit into one table"):
        rows(folder, make_run("other"))
