"""Which evaluations a folder stands for, and which names of evaluations are refused."""

from pathlib import Path

import pytest

from hauberk.errors import InputError
from hauberk.reports.evaluation_folders import evaluation_folder, evaluations


def named(folder):
    return [(each.run.name, each.name, each.folder.name) for each in evaluations(folder)]


def test_a_run_stands_for_its_own_evaluation_and_then_those_with_names(make_run, judge):
    run = make_run("run")
    assert named(run) == [("run", "", "evaluation")]
    for name in ("strong", "curve"):
        judge(run, name)
    (run / "evaluations" / "notes.txt").touch()
    assert named(run) == [("run", "", "evaluation"), ("run", "curve", "curve"), ("run", "strong", "strong")]


def test_a_run_without_an_evaluation_of_its_own_stands_for_those_with_names(make_run, judge):
    run = make_run("run")
    judge(run, "strong")
    (run / "evaluation").rename(run / "elsewhere")
    assert named(run) == [("run", "strong", "strong")]


def test_the_folder_of_an_evaluation_stands_for_it_alone(make_run, judge, monkeypatch):
    run = make_run("run")
    place = judge(run, "strong")
    assert named(place) == [("run", "strong", "strong")]
    assert named(run / "evaluation") == [("run", "", "evaluation")]
    monkeypatch.chdir(place)
    assert named(Path()) == [("run", "strong", "strong")]


def test_a_run_that_is_called_evaluation_is_a_run(make_run):
    assert named(make_run("evaluation")) == [("evaluation", "", "evaluation")]
    assert named(make_run("evaluations/strong")) == [("strong", "", "evaluation")]


@pytest.mark.parametrize("name", ["", ".", "..", "../x", "a/b", "/tmp/x", "-a", "a\n", "a\0b", "a" * 51, "a\\b", "*"])
def test_a_name_that_could_be_a_path_is_refused(name):
    with pytest.raises(InputError, match="--as names a folder"):
        evaluation_folder(Path("run"), name)


def test_names_are_words():
    for name in ("strong", "AutoAttack 8-255", "ε+1 (again)"):
        assert evaluation_folder(Path("run"), name) == Path("run") / "evaluations" / name
    assert evaluation_folder(Path("run"), None) == Path("run") / "evaluation"
