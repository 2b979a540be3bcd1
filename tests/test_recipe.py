from pathlib import Path

import pytest

from hauberk.augmentations import Flip, InOrder, RandomResizedCrop
from hauberk.datasets import MNIST
from hauberk.errors import InputError
from hauberk.recipe import build, public_classes, read_recipe, shipped_recipes, variants
from hauberk.threats import LinfBall


def changed(*overrides: str):
    return build(read_recipe("mnist-demo", list(overrides)))


def test_every_shipped_recipe_builds():
    for name in shipped_recipes():
        recipe = build(read_recipe(name, []))
        assert recipe.trainer.epochs >= 1


def test_variants_of_every_shipped_recipe_build():
    names = [name for recipe in shipped_recipes() for name in variants(read_recipe(recipe, []))]
    for recipe in shipped_recipes():
        for tree in variants(read_recipe(recipe, [])).values():
            assert build(tree).trainer.epochs >= 1
    assert "standard" in names


def test_a_variant_changes_its_keys_and_nothing_else():
    tree = read_recipe("mnist-demo", ["threat.eps=0.3"])
    tree["variants"] = {"short": {"trainer.epochs": 2, "evaluator.verifiers.0.name": "first"}, "same": {}}
    found = variants(tree)
    assert found["same"] == read_recipe("mnist-demo", ["threat.eps=0.3"])
    short = read_recipe("mnist-demo", ["threat.eps=0.3", "trainer.epochs=2", "evaluator.verifiers.0.name=first"])
    assert found["short"] == short
    assert tree["trainer"]["epochs"] == 17


@pytest.mark.parametrize("given", [[1], {"../up": {}}, {"a": 3}, {"a": {"evaluator.verifiers.7.name": "x"}}])
def test_a_mistake_in_a_variant_is_named(given):
    with pytest.raises(InputError, match="variants"):
        variants(read_recipe("mnist-demo", []) | {"variants": given})


def test_overrides_reach_mappings_lists_and_whole_objects():
    recipe = changed(
        "threat.eps=8/255",
        "evaluator.verifiers.0.name=first",
        "trainer.learning_rate={class: schedules.Constant, value: 0.5}",
        "trainer.optimizer={class: torch.optim.SGD, momentum: 0.9}",
        "seed=7",
    )
    assert recipe.threat == LinfBall(8 / 255)
    assert recipe.evaluator.verifiers[0].name == "first"
    assert recipe.trainer.learning_rate.value == 0.5
    assert recipe.trainer.optimizer(recipe.network.parameters()).defaults["momentum"] == 0.9
    assert (recipe.trainer.seed, recipe.evaluator.seed) == (7, 7)
    assert isinstance(recipe.data, MNIST)


def test_augmentations_and_decay_of_weights_alone_are_written_in_a_recipe():
    recipe = changed(
        "trainer.augmentation={class: augmentations.InOrder, augmentations: [augmentations.Flip,"
        " {class: augmentations.RandomResizedCrop, size: 28, scale: [0.5, 1]}]}",
        "trainer.optimizer={class: training.SelectiveDecay, weight_decay: 5.0e-4,"
        " optimizer: {class: torch.optim.SGD, momentum: 0.9}}",
    )
    assert recipe.trainer.augmentation == InOrder([Flip(), RandomResizedCrop(28, (0.5, 1.0))])
    optimizer = recipe.trainer.optimizer(recipe.network.parameters())
    assert [(group["weight_decay"], group["momentum"]) for group in optimizer.param_groups] == [(5e-4, 0.9), (0, 0.9)]


def test_the_seed_decides_the_weights():
    first, again, other = (next(changed(f"seed={seed}").network.parameters()) for seed in (1, 1, 2))
    assert first.equal(again)
    assert not first.equal(other)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("trainer.epoch=3", ["trainer", "'epoch'", "'epochs'"]),
        ("trainer.epochs=three", ["trainer.epochs", "int", "three"]),
        ("trainer.epochs=0", ["epochs", "0"]),
        ("threat.epss=3", ["threat", "'epss'", "'eps'"]),
        ("threat.eps=[1]", ["threat.eps", "float", "[1]"]),
        ("threat.eps=-1", ["eps", "-1"]),
        ("threat.class=threats.LinfBal", ["'threats.LinfBall'"]),
        ("trainr.epochs=3", ["'trainr'", "'trainer'"]),
        ("evaluator.curve.radius=3", ["evaluator.curve", "'radius'", "'radii'"]),
        ("evaluator.verifiers.7.name=3", ["evaluator.verifiers.7"]),
        ("trainer.objective.bounder=losses.Margin", ["trainer.objective.bounder", "losses.Margin", "Bounder"]),
        ("data=datasets.IdxFolder", ["data", "folder"]),
        ("evaluator.attacks.more.class=attacks.PGD", ["evaluator.attacks", "loss"]),
        ("threat=null", ["threat"]),
        ("threat={class: ", ["YAML"]),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_was_meant(override: str, words: list[str]):
    with pytest.raises(InputError) as caught:
        changed(override)
    assert not [word for word in words if word not in str(caught.value)], str(caught.value)
    assert "Namespace" not in str(caught.value)


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path):
    (tmp_path / "list.yaml").write_text("- 1\n- 2\n")
    with pytest.raises(InputError, match=r"list\.yaml"):
        read_recipe(str(tmp_path / "list.yaml"), [])


def test_classes_of_a_recipe_are_found_without_registration():
    assert {"attacks.PGD", "bounds.BackwardLinear", "schedules.SmoothRamp", "training.Trainer"} <= set(public_classes())
