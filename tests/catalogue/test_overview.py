import pytest

from hauberk.catalogue.overview import about, overview
from hauberk.errors import InputError
from hauberk.recipe_text.reading import shipped_recipes


def test_every_recipe_and_class_has_one_line_with_a_sentence():
    lines = [line.split(maxsplit=1) for line in overview() if line.startswith("  ")]
    known = dict(lines)
    assert len(known) == len(lines)
    assert known["attacks.PGD"] == "Projected steepest ascent."
    assert known["mnist-demo"].startswith("The main job: an MNIST classifier")
    assert set(shipped_recipes()) < set(known)


def test_a_class_is_described_with_its_arguments_and_a_recipe():
    text = "\n".join(about("attacks.PGD"))
    assert "  steps (an integer, 0 or more; default: 40)\n      the number of forward-backward passes." in text
    assert "\nclass: attacks.PGD\nloss: losses.CrossEntropy\n# steps: 40\n" in text
    assert "\n".join(about("PGD")) == text


def test_arguments_that_are_inherited_are_explained():
    text = "\n".join(about("training.Trainer"))
    assert "  epochs (a positive integer; required)\n      passes over the labelled training examples." in text


def test_packages_and_recipes_are_shown():
    assert all(line.startswith("  losses.") for line in about("losses"))
    assert "\n".join(about("mnist-demo")) == shipped_recipes()["mnist-demo"].rstrip("\n")
    assert len(list(about("recipes"))) == len(shipped_recipes())


@pytest.mark.parametrize(
    ("name", "meant"), [("attacks.PDG", "attacks.PGD"), ("mnist-dem", "mnist-demo"), ("atacks", "attacks")]
)
def test_an_unknown_name_is_refused_with_the_nearest(name: str, meant: str):
    with pytest.raises(InputError, match=f"did you mean '{meant}'"):
        list(about(name))
