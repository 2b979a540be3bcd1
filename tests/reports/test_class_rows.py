"""Accuracies by class, and how the page folds and names them."""

import json

import polars as pl
import pytest

from hauberk.evaluation.statistics import interval
from hauberk.reports.class_rows import MANY, class_name, class_rows
from hauberk.reports.html import write_report
from hauberk.reports.run_files import read_run
from reports.synthetic import RUN


def test_a_class_counts_its_own_examples(make_run):
    run = read_run(make_run())
    rows = class_rows(run)
    assert [(row.label, row.examples) for row in rows] == [(label, 20) for label in range(10)]
    # Labels are index modulo 10; wrong are 196 to 199, broken 180 to 195, proven 0 to 149.
    counts = {label: {name: share.count for name, share in rows[label].shares.items()} for label in (0, 6)}
    assert counts == {
        0: {"clean": 20, "attacked": 18, "certified": 15},
        6: {"clean": 19, "attacked": 18, "certified": 15},
    }
    found = rows[6].shares["clean"]
    assert (found.low, found.high) == interval(19, 20, 0.95)
    for measure in run.summary.measures:
        assert sum(row.shares[measure].count for row in rows) == run.summary.share(measure).count


@pytest.mark.parametrize(
    ("label", "names", "name"),
    [(1, ["cat", "dog"], "dog"), (1, ["0", "1"], ""), (2, ["cat", "dog"], ""), (-1, ["a"], "")],
)
def test_a_name_that_is_not_known_or_says_nothing_is_left_out(label, names, name):
    assert class_name(label, names) == name


def test_names_of_classes_are_those_of_the_run(make_run):
    folder = make_run()
    (folder / "run.json").write_text(json.dumps(RUN | {"classes": [f"class {n}" for n in range(10)]}))
    assert [row.name for row in class_rows(read_run(folder))][3] == "class 3"


@pytest.mark.parametrize("classes", [MANY, MANY + 1])
def test_many_classes_are_folded(make_run, tmp_path, classes):
    folder = make_run()
    for file in (folder / "evaluation/records").iterdir():
        label = pl.col("index") % classes
        pl.read_parquet(file).with_columns(label=label, prediction=label).write_parquet(file)
    page = write_report([folder], tmp_path / "report.html").read_text(encoding="utf-8")
    assert ('<details class="fold" id="classes">' in page) == (classes > MANY)
    assert page.count('id="classes"') == 1
