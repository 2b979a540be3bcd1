"""Which runs hold other weights of the same training, and by how much those differ."""

import json

import polars as pl
import pytest

from hauberk.reports.families import differences, distinct_names, other_weights
from hauberk.reports.run_files import read_run
from reports.synthetic import RUN


@pytest.fixture
def family(make_run):
    """A run, and the names of further folders, which hold its recipe and no journal."""

    def family(*names):
        folders = [make_run("run"), *map(make_run, names)]
        for folder in folders[1:]:
            (folder / "train.jsonl").unlink()
        return folders

    return family


def found(folders):
    return [(pair.kept.name, pair.other.name, pair.name) for pair in other_weights([*map(read_run, folders)])]


def test_final_weights_lie_below_a_run_or_beside_a_variant(family, make_run):
    variant = make_run("run/variants/wide")
    folders = [*family("run/variants/final", "run/variants/wide-final", "final", "wide-final"), variant]
    (variant / "recipe.yaml").write_text("threat: {eps: 0.2}\n", encoding="utf-8")
    (folders[2] / "recipe.yaml").write_text("threat: {eps: 0.2}\n", encoding="utf-8")
    assert found(folders) == [("run", "final", "final"), ("wide", "wide-final", "final")]


def test_a_variant_is_no_other_weights(family):
    folders = family("run/variants/final")
    (folders[1] / "recipe.yaml").write_text("threat: {eps: 0.2}\n", encoding="utf-8")
    assert found(folders) == []


def test_the_very_same_weights_are_known_by_their_checksum(family):
    folders = family("run/variants/final")
    (pair,) = other_weights([*map(read_run, folders)])
    assert pair.same
    (folders[1] / "run.json").write_text(json.dumps(RUN | {"weights_sha256": "cd" * 32}), encoding="utf-8")
    (pair,) = other_weights([*map(read_run, folders)])
    assert not pair.same


def test_differences_are_of_the_same_examples(family):
    folders = family("run/variants/final")
    for file in (folders[1] / "evaluation/records").iterdir():
        label = pl.col("index") % 10
        broken = pl.when(pl.col("index") < 40).then(pl.lit("PGD-40 x 3")).otherwise(None)
        pl.read_parquet(file).with_columns(prediction=label, broken_by=broken).write_parquet(file)
    (pair,) = other_weights([*map(read_run, folders)])
    examples, (clean, attacked, certified) = differences(pair)
    assert examples == 200
    # The run gets 0 to 195 right, 0 to 179 withstand, 0 to 149 are proven; the other all, 40 to 199, and 40 to 149.
    assert (clean.measure, clean.kept, clean.other, clean.only_kept, clean.only_other) == ("clean", 0.98, 1.0, 0, 4)
    assert (attacked.kept, attacked.other, attacked.only_kept, attacked.only_other) == (0.9, 0.8, 40, 20)
    assert attacked.share == pytest.approx(0.1)
    assert attacked.low < 0.1 < attacked.high
    assert (certified.only_kept, certified.only_other) == (40, 0)
    assert certified.low > 0


def test_an_accuracy_that_one_of_them_lacks_is_not_compared(family):
    folders = family("run/variants/final")
    summary = folders[1] / "evaluation/summary.json"
    summary.write_text(json.dumps(json.loads(summary.read_text()) | {"certified": None}))
    (pair,) = other_weights([*map(read_run, folders)])
    assert [one.measure for one in differences(pair)[1]] == ["clean", "attacked"]


def test_examples_that_only_one_was_evaluated_on_do_not_count(family):
    folders = family("run/variants/final")
    for folder, kept in zip(folders, (120, 80), strict=True):
        (folder / "evaluation/records/000000000.parquet").unlink()
        file = folder / "evaluation/records/000000120.parquet"
        summary = folder / "evaluation/summary.json"
        content = json.loads(summary.read_text())
        content["examples"] = 80
        content |= {name: {"count": 0, "share": 0, "low": 0, "high": 1} for name in ("clean", "attacked", "certified")}
        summary.write_text(json.dumps(content))
        pl.read_parquet(file).with_columns(pl.col("index") + kept).write_parquet(file)
    (pair,) = other_weights([*map(read_run, folders)])
    examples, (clean, *_) = differences(pair)
    # Examples 240 to 279 of both; labels go with the rows, which are 40 apart.
    assert (examples, clean.only_kept + clean.only_other) == (40, 4)


def test_names_are_told_apart_by_the_folders_around_them(make_run):
    names = ["a", "a/variants/final", "b/variants/final", "b/variants/wide", "c/d", "e/d"]
    assert distinct_names([read_run(make_run(name)) for name in names]) == [
        "a", "a/final", "b/final", "wide", "c/d", "e/d",
    ]  # fmt: skip
