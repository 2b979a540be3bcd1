import pytest

from hauberk.errors import InputError
from hauberk.recipe import build, read_recipe


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
        ("trainer.augmentation=losses.Margin", ["trainer.augmentation", "losses.Margin", "Augmentation"]),
        ("data=datasets.IdxFolder", ["data", "folder"]),
        ("evaluator.attacks.more.class=attacks.PGD", ["evaluator.attacks", "loss"]),
        ("threat=null", ["lacks threat."]),
        ("training_threat.eps=1", ["training_threat"]),
        ("network={class: layers.Normalized, mean: [0], std: [1]}", ["network"]),
        ("threat={class: ", ["YAML"]),
        ("evaluator.smoothing={noise: {class: smoothing.Gaussian, sigma: 1}, alpha: 2}", ["alpha", "2"]),
        ("evaluator.smoothing={noise: {class: smoothing.Gaussian, sigma: -1}}", ["sigma", "positive", "-1"]),
        (
            "evaluator.smoothing={noise: {class: smoothing.Gaussian, sigma: wide}}",
            ["evaluator.smoothing", "sigma", "wide"],
        ),
        (
            "evaluator.smoothing={class: smoothing.Gaussian}",
            ["evaluator.smoothing", "needs Smoothing", "smoothing.Gaussian is none"],
        ),
        ("trainer.augmentation={class: augmentations.RandomShift, pixels: -1}", ["pixels", "-1"]),
        ("evaluator.smoothing=0.25", ["evaluator.smoothing", "needs Smoothing", "but is 0.25"]),
        ("evaluator.smoothing={noise: 0.25}", ["evaluator.smoothing.noise", "needs SmoothingNoise", "but is"]),
        ("trainer.objective.loss=0.5", ["trainer.objective.loss", "needs AdversarialLoss", "but is 0.5"]),
        ("evaluator.smoothing={noise: {class: smoothing.Gaussian, sigma: 1}, sigma: 1}", ["'sigma'", "a class below"]),
        ("seed=99999999999999999999999", ["a seed is an integer of"]),
        ("evaluator.seed=9999999999999999999999", ["seed", "an integer of 64 bits"]),
        ("threat={class_path: threats.LinfBall, init_args: {eps: 1}}", ["threat", "`class: name`", "class_path"]),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_was_meant(override: str, words: list[str]):
    with pytest.raises(InputError) as caught:
        build(read_recipe("mnist-demo", [override]))
    assert not [word for word in words if word not in str(caught.value)], str(caught.value)
    assert "Namespace" not in str(caught.value)


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("spatial.thraet=threats.Flow", "evaluator.unforeseen.spatial: there is no argument 'thraet' (did you mean"),
        ("spatial.attacks.StAdv.step=3", "evaluator.unforeseen.spatial.attacks.StAdv: there is no argument 'step'"),
        ("spatial={threat: threats.Flow}", "evaluator.unforeseen.spatial: lacks attacks."),
        ("spatial.atacks={}", "evaluator.unforeseen.spatial: there is no argument 'atacks'."),
    ],
)
def test_of_several_alike_the_one_with_the_mistake_is_named(override, said):
    with pytest.raises(InputError) as caught:
        build(read_recipe("mnist-unforeseen", [f"evaluator.unforeseen.{override}"], "smoke"))
    assert said in str(caught.value)
