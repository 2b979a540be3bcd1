"""What several runs say together: methods, means over seeds, paired differences, and what keeps them apart."""

import json

import polars as pl
import pytest
import yaml

from hauberk.reports.comparison import contrasts, method, minutes, mismatches, over_seeds
from hauberk.reports.run_files import read_run
from reports.synthetic import RUN, accuracies


@pytest.fixture
def make(make_run):
    """A function that writes a run of a recipe and reads it back."""

    def make(name, recipe=None, clean=196, about=None, **changes):
        folder = make_run(name, **accuracies(0.1, clean, 180, 150) | changes)
        tree = {"seed": 0, "trainer": {"objective": "objectives.Natural"}} | (recipe or {})
        (folder / "recipe.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
        content = RUN | {"seed": tree["seed"]} | (about or {})
        (folder / "run.json").write_text(json.dumps(content), encoding="utf-8")
        return read_run(folder)

    return make


def changed(run, **columns):
    """Change columns of a run's records, and read it back."""
    for file in (run.folder / "evaluation/records").iterdir():
        pl.read_parquet(file).with_columns(**columns).write_parquet(file)
    return read_run(run.folder)


@pytest.mark.parametrize(
    ("objective", "said"),
    [
        ("objectives.Natural", "Natural"),
        (
            {"class": "objectives.Certified", "bounder": "bounds.Interval", "loss": "losses.Hinge"},
            "Certified (Interval)",
        ),
        ({"class": "objectives.Adversarial", "attack": {"class": "attacks.PGD"}}, "Adversarial (PGD)"),
        ({"class": "a.B", "bounder": "c.D", "attack": "e.F"}, "B (F, D)"),
        (None, ""),
    ],
)
def test_the_method_is_the_objective_with_its_attack_and_bounder(make, objective, said):
    assert method(make("a", {"trainer": {"objective": objective}})) == said


def test_minutes_are_those_of_training(make):
    run = make("a")
    assert minutes(run) == pytest.approx(20 / 60)
    (run.folder / "train.jsonl").unlink()
    assert minutes(read_run(run.folder)) is None


def test_means_and_deviations_are_over_seeds_of_one_recipe(make):
    runs = [make(f"s{seed}", {"seed": seed}, clean=clean) for seed, clean in ((4, 190), (2, 194), (3, 198))]
    other = make("other", {"trainer": {"objective": "objectives.Free"}})
    (found,) = over_seeds([other, *runs])
    assert found.seeds == [2, 3, 4]
    spread = found.spread("clean")
    assert spread is not None
    assert spread.shares == [0.97, 0.99, 0.95]
    assert (spread.mean, spread.deviation) == (pytest.approx(0.97), pytest.approx(0.02))


@pytest.mark.parametrize(
    ("recipe", "changes"),
    [
        ({"seed": 0}, {}),
        ({"seed": 1, "threat": {"eps": 0.2}}, {}),
        ({"seed": 1}, {"threat": "linf eps 0.2"}),
        ({"seed": 1}, {"subject": "smoothed network"}),
        ({"seed": 1}, {"about": {"dataset": "CIFAR-10"}}),
    ],
)
def test_runs_of_one_seed_or_another_question_have_no_mean(make, recipe, changes):
    assert over_seeds([make("a"), make("b", recipe, **changes)]) == []


def test_weights_that_training_set_aside_are_no_further_seed(make):
    first = make("run")
    final = make("run/variants/final", about={"seed": 1})
    (final.folder / "train.jsonl").unlink()
    runs = [first, read_run(final.folder)]
    assert over_seeds(runs) == []
    assert contrasts(runs) == []


def test_an_accuracy_that_a_seed_lacks_has_no_mean(make):
    (found,) = over_seeds([make("a"), make("b", {"seed": 1}, certified=None)])
    assert found.spread("clean") is not None
    assert found.spread("certified") is None


def test_runs_are_contrasted_with_the_first_that_answers_the_same_question(make):
    runs = [make("a"), make("b", threat="linf eps 0.2"), make("c", {"seed": 1}), make("d", threat="linf eps 0.2")]
    found = contrasts(runs)
    assert [(one.run.name, one.reference.name, one.examples) for one in found] == [("c", "a", 200), ("d", "b", 200)]


def test_radii_of_earlier_releases_are_the_same_threat(make):
    runs = [make("old", threat="linf eps 0.0313725"), make("new", threat="linf eps 8/255")]
    assert mismatches(runs) == []
    assert len(contrasts(runs)) == 1


def test_what_differs_is_named_with_the_runs(make):
    runs = [make("a"), make("b", threat="linf eps 8/255"), make("c", about={"dataset": "CIFAR-10"})]
    found = {one.what: {kind: [run.name for run in own] for kind, own in one.kinds.items()} for one in mismatches(runs)}
    assert found == {
        "threats": {"linf eps 0.1": ["a", "c"], "linf eps 8/255": ["b"]},
        "data": {"MNIST": ["a", "b"], "CIFAR-10": ["c"]},
    }


def test_other_examples_of_the_same_data_are_told(make):
    moved = changed(make("b"), index=pl.col("index") + 1)
    runs = [make("a"), moved, make("c")]
    (found,) = mismatches(runs)
    assert found.what == "examples"
    names = {kind: [run.name for run in own] for kind, own in found.kinds.items()}
    assert names == {"200 images of MNIST": ["a", "c"], "200 images of MNIST, others than those": ["b"]}
    assert [(one.run.name, one.reference.name) for one in contrasts(runs)] == [("c", "a")]
