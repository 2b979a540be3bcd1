import pytest

from hauberk.augmentations import Flip, InOrder, RandomResizedCrop
from hauberk.datasets import MNIST
from hauberk.errors import InputError
from hauberk.recipe import build, read_recipe
from hauberk.recipe.building import KINDS
from hauberk.recipe_text.tree import OBJECTS
from hauberk.threats import L2Ball, LinfBall


def changed(*overrides: str):
    return build(read_recipe("mnist-demo", list(overrides)))


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


def test_a_section_may_have_a_seed_of_its_own():
    recipe = changed("seed=7", "trainer.seed=3")
    assert (recipe.trainer.seed, recipe.evaluator.seed) == (3, 7)


def test_the_seed_decides_the_weights():
    first, again, other = (next(changed(f"seed={seed}").network.parameters()) for seed in (1, 1, 2))
    assert first.equal(again)
    assert not first.equal(other)


def test_networks_inside_networks_are_given_the_shape_and_classes_of_the_data():
    made = changed(
        "data={class: datasets.Generated, shape: [3, 8, 8], classes: 7, train: 2, test: 2}",
        "network={class: layers.Normalized, mean: [0, 0, 0], std: [1, 1, 1], network: architectures.Small}",
    ).network
    assert made[1][0].in_channels == 3
    assert made[1][-1].out_features == 7


def test_training_defends_against_the_threat_that_is_evaluated_or_another_one():
    assert changed().training_threat == changed().threat == LinfBall(0.1)
    other = changed("training_threat={class: threats.L2Ball, eps: 0.3}")
    assert (other.threat, other.training_threat) == (LinfBall(0.1), L2Ball(0.3))


def test_scales_and_variants_are_not_built():
    tree = read_recipe("mnist-demo", []) | {"scales": {"any": {"nowhere": 1}}, "variants": {"any": {"nowhere": 1}}}
    assert build(tree).threat == LinfBall(0.1)


def test_a_recipe_has_a_section_for_every_object():
    assert tuple(KINDS) == OBJECTS


def test_the_recipe_of_an_audit_is_sent_to_its_command():
    with pytest.raises(InputError, match="hauberk audit"):
        build({"audit": {"model": "net.py:MyCNN"}})
