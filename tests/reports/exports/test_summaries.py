"""Summaries as JSON: what files say, and no number that JSON lacks."""

import json

import pytest

from hauberk.errors import InputError
from hauberk.reports.exports.summaries import summaries
from hauberk.reports.run_files import read_runs
from reports.synthetic import RUN, attack_row, summary


def found(*folders):
    def refuse(constant):
        raise AssertionError(constant)

    return json.loads(summaries(read_runs(folders)), parse_constant=refuse)["runs"]


def test_every_evaluation_has_its_summary_its_recipes_and_where_it_is_from(make_run, judge):
    folder = make_run()
    judge(folder, "strong", "threat: {eps: 0.3}\n", threat="linf eps 0.3")
    own, strong = found(folder)
    assert [(one["run"], one["evaluation"]) for one in (own, strong)] == [("small", None), ("small", "strong")]
    known = summary()
    for measure in ("clean", "attacked", "certified"):
        assert own["summary"][measure] == known[measure]
    assert own["summary"]["attacks"][0]["median_distance"] == 0.0975
    assert own["about"] == own["about"] | RUN
    assert own["training"] == {"epochs": 2.0, "steps": 8, "seconds": 20.0}
    assert (own["recipe"], own["training_recipe"]) == ("threat: {eps: 0.1}\n",) * 2
    assert (strong["recipe"], strong["training_recipe"]) == ("threat: {eps: 0.3}\n", "threat: {eps: 0.1}\n")
    assert strong["summary"]["threat"] == "linf eps 0.3"


def test_what_is_not_known_is_null(make_run):
    folder = make_run(certified=None, attacks=[])
    (folder / "train.jsonl").unlink()
    (own,) = found(folder)
    assert (own["training"], own["summary"]["certified"]) == (None, None)


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
def test_a_number_that_json_lacks_is_refused_by_its_place(make_run, number):
    folder = make_run(attacks=[attack_row("PGD", 1, 1, 195, seconds=number)])
    with pytest.raises(InputError, match=rf"small: summary\.attacks\.0\.seconds is {number}, which JSON cannot say"):
        found(folder)


def test_a_huge_number_is_exact(make_run):
    (own,) = found(make_run(seconds=1e300, seed=2**62))
    assert (own["summary"]["seconds"], own["summary"]["seed"]) == (1e300, 2**62)
