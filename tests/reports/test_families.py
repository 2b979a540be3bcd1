"""Which runs hold other weights of the same training, and by how much those differ."""

import json

import pytest

from hauberk.reports.families import compares, distinct_names, first_evaluations, other_weights
from hauberk.reports.run_files import read_run, read_runs
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


def test_names_are_told_apart_by_the_folders_around_them(make_run):
    names = ["a", "a/variants/final", "b/variants/final", "b/variants/wide", "c/d", "e/d"]
    assert distinct_names([read_run(make_run(name)) for name in names]) == [
        "a", "a/final", "b/final", "wide", "c/d", "e/d",
    ]  # fmt: skip


def test_names_of_evaluations_follow_those_of_their_runs(make_run, judge):
    folder = make_run("a/run")
    judge(folder, "strong")
    names = distinct_names(read_runs([folder, make_run("b/run")]))
    assert names == ["a/run", "a/run: strong", "b/run"]


def test_other_weights_are_told_of_within_one_evaluation(family, judge):
    folders = family("run/variants/final")
    for folder in folders:
        judge(folder, "strong")
    pairs = other_weights(read_runs(folders))
    assert [(pair.kept.evaluation, pair.other.evaluation) for pair in pairs] == [("", ""), ("strong", "strong")]


def test_each_run_is_told_of_once_whatever_its_evaluations(make_run, judge):
    folders = [make_run(name) for name in "ba"]
    judge(folders[0], "strong")
    runs = read_runs(folders)
    assert [(run.name, run.evaluation) for run in first_evaluations(runs)] == [("b", ""), ("a", "")]
    assert compares(runs) == "3 evaluations of 2 runs compared"
    assert compares(runs[:2]) == "2 evaluations compared"
    assert compares(runs[1:]) == "2 runs compared"
