"""The recipes that ship: whether they build, what their papers say, and whether they run at the scale of a trial."""

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from hauberk.cli import main
from hauberk.concepts.schedule import Progress
from hauberk.errors import InputError
from hauberk.recipe import build, read_recipe, shipped_recipes, variants
from hauberk.recipe.building import KINDS, expanded, instantiated
from hauberk.reports.run_files import read_run
from hauberk.training import Trainer
from hauberk.workflow import family
from longer import mostly_later

RECIPES = list(shipped_recipes())
FETCHED = [name for name in RECIPES if name.startswith(("cifar", "svhn", "imagenet", "fashion"))]
"""Recipes on data that users have to fetch."""
LARGE = ("cnn7", "linf-dist")
SMALL = [n for n in RECIPES if n.startswith(("mnist", "two")) and not any(part in n for part in LARGE)]
"""Recipes of networks that take a step in no time."""


@cache
def whole(name: str) -> dict[str, Any]:
    """Return the trees of a recipe, under the empty name, and of its variants."""
    tree = read_recipe(name, [])
    return {"": tree, **variants(tree)}


@cache
def published(name: str, variant: str = "") -> dict[str, Any]:
    """Return the trainer and the threats of a recipe, or of a variant of it, as it is."""
    tree = whole(name)[variant]
    made = instantiated(
        {key: expanded(tree[key], KINDS[key], key) for key in ("trainer", "threat", "training_threat") if key in tree}
    )
    return {"training_threat": made["threat"], **made}


@pytest.mark.parametrize("name", mostly_later(RECIPES, 8))
def test_the_trial_of_a_recipe_builds_with_all_its_variants(name: str):
    tree = read_recipe(name, [], "smoke")
    for each in (tree, *variants(tree).values()):
        with torch.device("meta"):  # weights without numbers: they cost nothing
            recipe = build(each)
        assert recipe.trainer.epochs <= 20
        assert len(recipe.data.train()) <= 60


@pytest.mark.parametrize("name", RECIPES)
def test_a_trial_keeps_network_threat_and_the_class_of_the_objective(name: str):
    whole, trial = read_recipe(name, []), read_recipe(name, [], "smoke")
    for section in ("network", "threat", "training_threat"):
        assert trial.get(section) == whole.get(section)
    assert trial["trainer"]["objective"]["class"] == whole["trainer"]["objective"]["class"]
    assert trial["evaluator"]["attacks"].keys() == whole["evaluator"]["attacks"].keys()
    assert trial.get("variants", {}).keys() == whole.get("variants", {}).keys()


@pytest.mark.parametrize("name", FETCHED)
def test_data_that_are_not_there_are_asked_for(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"data/.* (put|place)"):
        build(read_recipe(name, []))


@pytest.mark.parametrize("name", mostly_later(SMALL, 8))
def test_two_steps_of_the_trial_change_the_weights(name: str, tmp_path: Path):
    recipe = build(read_recipe(name, ["trainer.epochs=2", "trainer.batch=100", "trainer.keep=final"], "smoke"))
    before = [weights.clone() for weights in recipe.network.parameters()]
    recipe.trainer.fit(recipe.network, recipe.data.train(), recipe.training_threat, tmp_path)
    assert all(weights.isfinite().all() for weights in recipe.network.parameters())
    assert any(not weights.equal(old) for weights, old in zip(recipe.network.parameters(), before, strict=True))


def rate(trainer: Trainer, epoch: float) -> float:
    """Return the learning rate at a time in epochs, of 400 steps each."""
    return trainer.learning_rate(Progress(round(epoch * 400), trainer.epochs * 400, 400))


def halvings(first: float, *epochs: int) -> dict[float, float]:
    """Return the rates on both sides of each halving."""
    sides = {}
    for done, epoch in enumerate(epochs):
        sides |= {epoch - 1 / 400: first / 2**done, epoch: first / 2 ** (done + 1)}
    return sides


@pytest.mark.parametrize(
    ("name", "variant", "rates"),
    mostly_later(
        [
            ("cifar10-fgsm", "", {0: 0, 15: 0.2, 30: 0}),
            ("cifar10-pgd", "short", {0: 0, 5: 0.2, 10: 0}),
            ("cifar10-free", "", {0: 0, 6: 0.04, 12: 0}),
            ("cifar10-overfitting", "", {0: 0.1, 99.9: 0.1, 100: 0.01, 149.9: 0.01, 150: 0.001, 199.9: 0.001}),
            ("cifar10-overfitting", "multiple", {0: 0.1, 50: 0.09, 449: 0.02, 450: 0.01}),
            ("cifar10-overfitting", "linear", {0: 0.1, 100: 0.1, 125: 0.055, 150: 0.01, 200: 0.01}),
            ("cifar10-overfitting", "linear-released", {66: 0.1, 133: 0.01, 166.5: 0.0055, 200: 0.001}),
            ("cifar10-overfitting", "cyclic", {0: 0, 40: 0.1, 80: 0.2, 140: 0.1, 200: 0}),
            ("cifar10-overfitting", "cosine", {0: 0.1, 100: 0.05, 200: 0}),
            ("cifar10-overfitting-decay", "", {0: 0.1, 99.9975: 0.1, 100: 0.01, 149: 0.01}),
            ("cifar10-overfitting-decay", "at-70", {69.9975: 0.1, 70: 0.01}),
            ("cifar10-overfitting-decay", "at-80", {79.9975: 0.1, 80: 0.01}),
            ("cifar10-overfitting-fgsm", "cyclic", {0: 0, 20: 0.2, 50: 0}),
            ("cifar10-trades", "short", {74.9: 0.1, 75: 0.01, 90: 0.001}),
            ("cifar10-union", "", {0: 0, 20: 0.1, 40: 0.005, 50: 0}),
            ("cifar10-hamming", "", {0: 0, 20: 0.05, 60: 0.0525, 90: 0.0025}),
            ("cifar10-hamming-verified", "", {0: 0, 20: 0.05, 60: 0.0525, 90: 0.0025}),
            ("mnist-hamming", "", {0: 0, 20: 0.05, 60: 0.0525, 90: 0.0025}),
            ("cifar10-polytope-projected", "", {0: 0.05, **halvings(0.05, 30, 40, 50), 59: 0.00625}),
            ("cifar10-polytope-projected", "resnet", {0: 0.05, **halvings(0.05, 30, 40, 50), 59: 0.00625}),
            ("cifar10-polytope-projected", "eps-8", {0: 0.05, **halvings(0.05, 30, 40, 50), 59: 0.00625}),
            ("cifar10-wasserstein", "certified", {0: 0.05, **halvings(0.05, 30, 40, 50), 59: 0.00625}),
            ("cifar10-wasserstein", "", {9.9975: 0.1, 10: 0.01}),
            ("mnist-polytope-exact", "", {0: 1e-3, **halvings(1e-3, 30, 40, 50), 59: 1.25e-4}),
            ("mnist-polytope-projected", "", {0: 1e-3, **halvings(1e-3, 30, 40, 50), 59: 1.25e-4}),
            ("mnist-tightened", "", {0: 1e-3, **halvings(1e-3, 30, 40, 50, 60, 70), 79: 3.125e-5}),
            ("mnist-cnn7-0.1", "", {49.9975: 5e-4, 50: 1e-4, 59.9975: 1e-4, 60: 2e-5}),
            ("mnist-cnn7-0.3", "", {49.9975: 5e-4, 50: 1e-4, 59.9975: 1e-4, 60: 2e-5}),
            ("cifar10-cnn7-2", "", {119.9975: 5e-4, 120: 1e-4, 139.9975: 1e-4, 140: 2e-5}),
            ("cifar10-cnn7-8", "", {199.9975: 5e-4, 200: 1e-4, 219.9975: 1e-4, 220: 2e-5}),
            ("mnist-fgsm-ablation", "", {0: 0, 4: 5e-3, 7: 2.5e-3, 10: 0}),
            ("mnist-linf-dist", "", {0: 0.02, 50: 0.02, 225: 0.01, 400: 0}),
            ("mnist-linf-dist", "boosted", {0: 0.03, 225: 0.015, 450: 0}),
            ("mnist-linf-dist", "sortnet", {0: 0.02, 750: 0.01, 1500: 0}),
            ("mnist-linf-dist-0.1", "", {0: 0.03, 225: 0.015, 450: 0}),
            ("fashion-mnist-linf-dist", "mlp", {50: 0.02, 225: 0.01, 400: 0}),
            ("cifar10-linf-dist", "", {0: 0.02, 100: 0.02, 450: 0.01, 800: 0}),
            ("cifar10-linf-dist", "mlp", {0: 0.02, 100: 0.02, 450: 0.01, 800: 0}),
            ("cifar10-linf-dist", "boosted-16", {0: 0.03, 650: 0.015, 1300: 0}),
            ("cifar10-linf-dist", "sortnet-mlp-8", {0: 0.02, 1500: 0.01, 3000: 0}),
            ("cifar10-smoothing", "", {59.9: 0.1, 60: 0.02, 120: 0.004, 160: 0.0008}),
            ("cifar10-heat", "", {59.9: 0.1, 60: 0.02, 160: 0.0008, 200: 0.1, 960: 0.0008}),
            ("imagenet-heat", "", {0: 0.01, 0.99: 0.01}),
            ("svhn-overfitting", "", {0: 0.01, 100: 0.001, 150: 0.0001}),
            ("imagenet-overfitting", "", {0: 0.001, 149: 0.001}),
            ("imagenet-overfitting", "l2", {0: 0.01, 39.9: 0.01, 40: 0.001, 139: 0.001}),
        ]
    ),
)
def test_learning_rates_are_those_of_the_papers(name: str, variant: str, rates: dict[float, float]):
    trainer = published(name, variant)["trainer"]
    assert {epoch: rate(trainer, epoch) for epoch in rates} == pytest.approx(rates, abs=1e-12)


def test_hamming_training_grows_radius_and_weights_as_published():
    recipe = published("cifar10-hamming")
    trainer, threat = recipe["trainer"], recipe["threat"]
    radii = {epoch: trainer.radius(Progress(round(epoch * 400), 40_000, 400)) * threat.eps for epoch in (0, 22.5, 35)}
    assert radii == pytest.approx({0: 2 / 255, 22.5: 5 / 255, 35: 8 / 255}, abs=1e-9)
    half_way = Progress(50 * 400, 40_000, 400)
    assert trainer.objective.stability_weight(half_way) == pytest.approx(0.8 * 5.5, abs=1e-9)
    assert trainer.objective.hamming_weight(half_way) == pytest.approx(2400 * 5.5, abs=1e-9)


def test_learning_rates_of_imagenet_run_over_all_phases():
    trainer = published("imagenet-fgsm")["trainer"]
    assert [(phase.epochs, phase.batch) for phase in trainer.phases] == [(6, 512), (6, 224), (3, 128)]
    found = [trainer.learning_rate(Progress(epoch * 100, 1500, 100)) for epoch in (0, 1, 6, 12, 15)]
    assert found == pytest.approx([0, 0.4, 0.04, 0.004, 0.0004], rel=1e-4)


@pytest.mark.parametrize(
    ("name", "variant", "steps", "pixels"),
    [
        ("cifar10-fgsm", "", 1, 10),
        ("cifar10-fgsm", "step-8", 1, 8),
        ("cifar10-pgd", "", 7, 2),
        ("cifar10-overfitting", "", 10, 2),
        ("cifar10-overfitting-l2", "", 10, 15),
        ("cifar10-overfitting-fgsm", "", 1, 7),
        ("cifar10-trades", "", 10, 255 * 0.007),
        ("cifar10-trades", "preact-l2", 10, 15),
        ("cifar10-union", "linf", 40, 255 * 0.003),
        ("cifar10-union", "l2", 50, 255 * 0.05),
        ("cifar10-union", "l1", 50, 255 * 1.0),
        ("cifar100-overfitting", "l2", 10, 15),
        ("svhn-overfitting", "", 10, 1),
        ("imagenet-overfitting", "", 5, 255 * 0.004),
        ("imagenet-overfitting", "l2", 7, 255 * 0.5),
        ("imagenet-fgsm", "", 1, 5),
        ("imagenet-fgsm", "eps-2", 1, 2.5),
    ],
)
def test_attacks_in_training_take_the_steps_of_the_papers(name: str, variant: str, steps: int, pixels: float):
    recipe = published(name, variant)
    attack = recipe["trainer"].objective.attack
    assert getattr(attack, "steps", 1) == steps
    assert 255 * attack.step * recipe["training_threat"].eps == pytest.approx(pixels, rel=1e-4)


def test_multi_steepest_descent_takes_the_steps_of_the_paper_and_is_tested_at_a_larger_radius():
    recipe = published("cifar10-union")
    attack, members = recipe["trainer"].objective.attack, recipe["training_threat"].threats
    steps = [step * member.eps for step, member in zip(attack.step, members, strict=True)]
    assert steps == pytest.approx([0.003, 0.05, 1], rel=1e-4)
    assert [member.eps for member in recipe["threat"].threats] == [0.03, 0.5, 12]


@pytest.mark.product
@pytest.mark.parametrize("name", RECIPES)
def test_a_trial_trains_evaluates_and_reports(name: str, tmp_path: Path):
    folder = tmp_path / "run"
    assert main(["demo", name, "--scale", "smoke", "--run", str(folder)]) == 0
    runs = [read_run(place) for place in family(folder)]
    assert len(runs) >= 1 + len(variants(read_recipe(name, [])))
    assert all(run.training is not None for run in runs if not run.name.endswith(("final", "collapsed")))
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "synthetic" in page or name == "two-dimensional"
    for file in folder.rglob("*.safetensors"):
        file.unlink()  # hundreds of megabytes of weights
