"""Which runs form a sweep, and what its figure shows."""

import json
import re
from xml.etree import ElementTree

import pytest
import yaml

from hauberk.reports.families import other_weights
from hauberk.reports.run_files import read_run
from hauberk.reports.sweep import draw_sweep, find_sweep
from reports.synthetic import RUN, accuracies, attack_row

BASE = {"seed": 0, "threat": {"class": "threats.LinfBall", "eps": 0.1}, "network": {"width": 2}}


@pytest.fixture
def make(make_run):
    """A function that writes a run of a recipe and reads it back."""

    def make(name, changes=(), attacked=180, weights="ab" * 32, trained=True):
        folder = make_run(name, **accuracies(0.1, 196, attacked, 150), attacks=[attack_row("PGD", 14, 14, 182)])
        tree = json.loads(json.dumps(BASE))
        for path, value in dict(changes).items():
            section, _, key = path.partition(".")
            tree[section] = tree.get(section, {}) | {key: value} if key else value
        (folder / "recipe.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
        seed = tree["seed"]
        (folder / "run.json").write_text(json.dumps(RUN | {"seed": seed, "weights_sha256": weights}), encoding="utf-8")
        if not trained:
            (folder / "train.jsonl").unlink()
        return read_run(folder)

    return make


def sweep_of(*runs):
    return find_sweep(runs, other_weights(runs))


def test_runs_that_differ_in_one_number_are_a_sweep_seeds_apart(make):
    found = sweep_of(make("a"), make("b", {"network.width": 4, "seed": 3}), make("c", {"network.width": "16/2"}))
    assert (found.key, [(point.value, point.run.name) for point in found.points]) == (
        "network.width", [(2, "a"), (4, "b"), (8, "c")],
    )  # fmt: skip
    assert found.values == [2, 4, 8]
    assert found.measures == ["clean", "attacked", "certified"]


def test_variants_and_studies_may_differ(make):
    first = make("a", {"variants": {"wide": {"network.width": 4}}, "evaluator.studies": {"one": "studies.A"}})
    assert sweep_of(first, make("b", {"network.width": 4})).key == "network.width"


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"seed": 1},
        {"network.width": "2/1"},
        {"network.width": 4, "threat.eps": 0.2},
        {"network.class": "architectures.Small"},
        {"network.width": "wide"},
        {"network.depth": 3},
    ],
)
def test_what_is_no_sweep_is_none(make, changes):
    assert sweep_of(make("a"), make("b", changes)) is None


def test_subjects_are_never_mixed(make, make_run):
    first, second = make("a"), make("b", {"network.width": 4})
    file = second.folder / "evaluation/summary.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"subject": "smoothed network"}))
    assert sweep_of(first, read_run(second.folder)) is None


def test_runs_of_which_an_accuracy_is_not_known_have_no_point_there(make):
    runs = [make("a"), make("b", {"network.width": 4})]
    for run in runs:
        file = run.folder / "evaluation/summary.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"certified": None}))
        found = sweep_of(*(read_run(each.folder) for each in runs))
        ElementTree.fromstring(draw_sweep(found, "here"))
        assert ("certified" in found.measures) == (run is runs[0])


def test_final_weights_are_lines_of_their_own(make):
    runs = [
        make("a"), make("a/variants/final", attacked=160, weights="c" * 64, trained=False),
        make("b", {"network.width": 40}), make("b/variants/final", {"network.width": 40}, 155, "d" * 64, False),
        make("c", {"network.width": 40, "seed": 1}, 170),
    ]  # fmt: skip
    found = sweep_of(*runs)
    assert [(point.value, point.weights) for point in found.points] == [
        (2, ""), (2, "final"), (40, ""), (40, "final"), (40, ""),
    ]  # fmt: skip
    svg = draw_sweep(found, "here")
    ElementTree.fromstring(svg)
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", svg)
    for measure in ("clean", "attacked", "certified"):
        assert {measure, f"{measure}, final weights"} <= set(texts)
    assert {"network.width", "2", "40"} <= set(texts)
    assert "5 runs against network.width, from 2 to 40" in svg


def test_weights_that_some_values_lack_are_drawn_where_they_are(make):
    runs = [make("a"), make("a/variants/final", weights="c" * 64, trained=False), make("b", {"network.width": 3})]
    assert "attacked, final weights" in draw_sweep(sweep_of(*runs), "here")
