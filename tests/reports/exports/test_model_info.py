"""RobustBench's keys: strings as it writes them, and null for what a run does not tell."""

import json
from itertools import count

import pytest

from hauberk.errors import InputError
from hauberk.evaluation.statistics import share
from hauberk.reports.exports.model_info import model_info
from hauberk.reports.run_files import read_runs
from reports.synthetic import EXAMPLES, RUN, attack_row, smoothed

KEYS = ["link", "name", "authors", "additional_data", "number_forward_passes", "dataset", "venue", "architecture"]
KEYS += ["eps", "clean_acc", "reported", "autoattack_acc", "footnote", "unreliable"]
"""The keys of the files in RobustBench's model_info, in their order."""


def info(folder):
    return json.loads(model_info(read_runs([folder])))


@pytest.fixture
def attacked(make_run):
    """A function that makes a run with a recipe of attacks, judged by attacks of these rows."""

    number = count()

    def attacked(recipe, *rows, **changes):
        folder = make_run(f"run {next(number)}", attacks=list(rows), **changes)
        (folder / "recipe.yaml").write_text(f"threat: {{eps: 26/255}}\nevaluator: {{attacks: {recipe}}}\n")
        return info(folder)

    return attacked


def test_keys_are_those_of_robustbench_and_two_more(make_run):
    folder = make_run()
    (folder / "run.json").write_text(json.dumps(RUN | {"dataset": "CIFAR-10"}))
    found = info(folder)
    assert list(found) == [*KEYS, "attacked_acc", "certified_acc"]
    known = {name: found[name] for name in ("number_forward_passes", "dataset", "architecture", "eps", "clean_acc")}
    assert known == {
        "number_forward_passes": 1,
        "dataset": "cifar10",
        "architecture": "Small",
        "eps": "0.1",
        "clean_acc": "98.00",
    }
    assert (found["attacked_acc"], found["certified_acc"]) == ("90.00", "75.00")
    unknown = {"link", "name", "authors", "additional_data", "venue", "reported", "autoattack_acc", "unreliable"}
    assert {name for name, value in found.items() if value is None} == unknown
    assert found["footnote"].startswith(
        "Hauberk 0.1.0: linf eps 0.1, 200 test images, subject network; attacked by PGD"
    )


def test_autoattack_alone_leaves_the_attacked_accuracy(attacked):
    row = attack_row("AA", 16, 16, 180, alone=None)
    assert attacked("{AA: presets.AutoAttack}", row)["autoattack_acc"] == "90.00"


def test_autoattack_beside_others_leaves_what_it_leaves_alone(attacked):
    rows = attack_row("AA", 14, 14, 182), attack_row("Square", 2, 9, 187)
    recipe = "{AA: {class: presets.AutoAttack}, Square: attacks.Square}"
    assert attacked(recipe, *rows)["autoattack_acc"] == "91.00"


@pytest.mark.parametrize(
    ("recipe", "changes"),
    [
        ("{AA: attacks.PGD}", {}),
        ("{AA: mine.AutoAttack}", {}),
        ("{AA: {class: presets.AutoAttack, version: rand}}", {}),
        ("{AA: presets.AutoAttack}", {"remarks": ["Square is left out."]}),
        ("{AA: presets.AutoAttack}", {"not_applicable": "no ball"}),
    ],
)
def test_what_is_not_the_whole_standard_autoattack_is_not_called_so(attacked, recipe, changes):
    assert attacked(recipe, attack_row("AA", 16, 16, 180, **changes))["autoattack_acc"] is None


def test_what_autoattack_leaves_is_unknown_where_it_saw_survivors_alone(attacked):
    rows = attack_row("PGD", 14, 14, 182, alone=None), attack_row("AA", 2, 2, 180, alone=None)
    assert attacked("{PGD: attacks.PGD, AA: presets.AutoAttack}", *rows)["autoattack_acc"] is None
    refuting = [{"name": "MIP", "certified": 0, "seconds": 1.0, "refuted": 3, "not_applicable": None}]
    assert attacked("{AA: presets.AutoAttack}", rows[1], verifiers=refuting)["autoattack_acc"] is None


def test_the_radius_is_written_as_in_the_recipe_where_it_is_that_of_the_evaluation(attacked):
    row = attack_row("PGD", 16, 16, 180)
    assert attacked("{PGD: attacks.PGD}", row, eps=26 / 255)["eps"] == "26/255"
    assert attacked("{PGD: attacks.PGD}", row)["eps"] == "0.1"


def test_a_vote_takes_as_many_passes_as_it_has_votes(make_run):
    assert info(make_run(**smoothed()))["number_forward_passes"] == 1000


def test_accuracies_that_were_not_measured_are_null(make_run):
    found = info(make_run(attacks=[], attacked=None, certified=None, clean=share(1, EXAMPLES)))
    assert (found["clean_acc"], found["attacked_acc"], found["certified_acc"]) == ("0.50", None, None)


def test_one_file_describes_one_model(make_run, judge):
    folder = make_run()
    judge(folder, "strong")
    with pytest.raises(InputError, match=r"but here are 2: pass one of .*small/evaluation, .*evaluations/strong"):
        model_info(read_runs([folder]))
    assert model_info(read_runs([folder / "evaluation"]))
