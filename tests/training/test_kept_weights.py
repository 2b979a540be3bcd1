from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from digits import digits_file
from hauberk.errors import InputError
from hauberk.recipe import Tree
from hauberk.workflow import family, train, trained

ATTACK = {"class": "attacks.FGSM", "loss": "losses.CrossEntropy"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Tree:
    """A recipe whose rate ruins the network in the third of its four epochs."""
    file = digits_file(tmp_path_factory.mktemp("data"), train=600, test=100)
    return {
        "data": {"class": "datasets.NpzFile", "path": str(file)},
        "network": {
            "class": "architectures.ConvNet",
            "filters": [4],
            "kernels": [5],
            "strides": [3],
            "hidden": [16],
        },
        "threat": {"class": "threats.LinfBall", "eps": 0.02},
        "trainer": {
            "objective": {"class": "objectives.Adversarial", "attack": ATTACK, "loss": "losses.CrossEntropy"},
            "epochs": 4,
            "batch": 50,
            "held_out": 100,
            "learning_rate": {"class": "schedules.Steps", "times": [0, 0.5], "values": [0.01, 3.0]},
        },
        "evaluator": {"attacks": {"FGSM": ATTACK}, "verifiers": []},
    }


def changed(tree: Tree, **trainer: object) -> Tree:
    return tree | {"trainer": tree["trainer"] | trainer}


@pytest.mark.parametrize("keep", ["final", "best"])
def test_collapsed_weights_are_kept_as_a_variant(keep: str, tree: Tree, tmp_path: Path):
    detected = changed(tree, keep=keep, detector={"class": "training.CollapseDetector", "attack": ATTACK})
    short = tree["trainer"]["learning_rate"]["values"][0]
    sound = changed(tree, epochs=2, learning_rate={"class": "schedules.Constant", "value": short})
    ruined = changed(tree, epochs=3, learning_rate=tree["trainer"]["learning_rate"] | {"times": [0, 2 / 3]})
    for name, made in (("detected", detected), ("sound", sound), ("ruined", ruined)):
        train(made, tmp_path / name, resume=False, watch=lambda record: None)
    folder = tmp_path / "detected"
    weights = {name: load_file(tmp_path / name / "model.safetensors") for name in ("sound", "ruined")}
    places = {place.name: load_file(place / "model.safetensors") for place in family(folder)}
    ends = {"final": "detected", "best": "final"}[keep]
    expected = {"detected", "collapsed"} | ({"final"} if keep == "best" else set())
    assert set(places) == expected
    for name, tensor in weights["sound"].items():
        assert torch.equal(places[ends][name], tensor)
        assert torch.equal(places["collapsed"][name], weights["ruined"][name])
    assert trained(folder / "variants" / "collapsed", []).trainer.epochs == 4
    assert not (folder / "collapsed.safetensors").exists()


@pytest.mark.parametrize(
    ("name", "trainer"),
    [
        ("final", {"keep": "best"}),
        ("collapsed", {"detector": {"class": "training.CollapseDetector", "attack": ATTACK}}),
    ],
)
def test_a_variant_in_the_place_of_weights_set_aside_is_refused(name: str, trainer: Tree, tree: Tree, tmp_path: Path):
    taken = changed(tree, **trainer) | {"variants": {name: {}}}
    with pytest.raises(InputError, match=f"variants.{name}: .*rename the variant"):
        train(taken, tmp_path / "run", resume=False, watch=lambda record: None)
    assert not (tmp_path / "run").exists()
