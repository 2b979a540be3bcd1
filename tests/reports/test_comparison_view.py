"""What the page says about several runs together."""

import json
import re

import pytest

from hauberk.reports.comparison import Spread
from hauberk.reports.comparison_view import mean_of
from hauberk.reports.html import write_report
from reports.synthetic import RUN, accuracies

RECIPE = "seed: {}\ntrainer: {{objective: {{class: objectives.Certified, bounder: bounds.Interval}}}}\n"


@pytest.fixture
def compared(make_run, tmp_path):
    """A function that writes runs, one per seed and its changes, and returns the text of their page."""

    def compared(*changes):
        folders = []
        for seed, own in enumerate(changes):
            folder = make_run(f"run{seed}", **{key: value for key, value in own.items() if key != "dataset"})
            about = RUN | {"seed": seed, "recipe": "mine"} | {key: own[key] for key in ("dataset",) if key in own}
            (folder / "run.json").write_text(json.dumps(about), encoding="utf-8")
            (folder / "recipe.yaml").write_text(RECIPE.format(seed), encoding="utf-8")
            folders.append(folder)
        page = write_report(folders, tmp_path / "report.html").read_text(encoding="utf-8")
        return " ".join(re.sub(r"<[^>]+>", " ", page[page.index("<main>") :]).split())

    return compared


def test_method_seed_minutes_and_parameters_stand_beside_the_accuracies(compared):
    said = compared({}, {})
    assert "run method seed minutes parameters clean attacked certified" in said
    assert "run1 Certified (Interval) mine 1 0.3 166,406 98.00 %" in said
    assert "Small on MNIST. Threat: linf eps 0.1 . Share of 200 test images" in said


def test_means_and_deviations_over_seeds(compared):
    said = compared(accuracies(0.1, 194, 180, 150), accuracies(0.1, 196, 180, 150), accuracies(0.1, 198, 180, 150))
    assert "mean ± deviation over 3 seeds run0, run1, run2 98.00 % ± 1.00 90.00 % ± 0.00 75.00 % ± 0.00" in said


def test_an_accuracy_that_a_seed_lacks_has_no_mean():
    assert mean_of(None) == "–"
    assert mean_of(Spread("clean", [0.5, 0.6])) == "55.00 % ± 7.07"


def test_paired_differences_are_to_the_first_run(compared):
    said = compared({}, {})
    assert "not about another training. run clean attacked certified run1 +0.00" in said
    assert "Each run minus run0, the first one with linf eps 0.1, in percentage points, on the same 200 images" in said
    assert "warning" not in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"threat": "linf eps 8/255"}, "Threats differ linf eps 0.1: run0; linf eps 8/255: run1."),
        ({"dataset": "CIFAR-10"}, "Data differ MNIST: run0; CIFAR-10: run1."),
    ],
)
def test_runs_of_different_questions_are_warned_of(compared, change, said):
    page = compared({}, change)
    assert (
        page.index("Not all of these runs answer the same question") < page.index(said) < page.index("run method seed")
    )
    assert "Paired differences" not in page
    assert "mean ± deviation" not in page
