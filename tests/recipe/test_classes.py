import pytest

from hauberk.errors import InputError
from hauberk.recipe.classes import arguments, full_path, public_classes


def test_classes_are_found_without_registration():
    expected = {"attacks.PGD", "bounds.BackwardLinear", "schedules.SmoothRamp", "training.Trainer", "layers.Normalized"}
    assert expected <= set(public_classes())
    assert not [name for name in public_classes() if name.startswith("recipe.")]


def test_a_class_of_hauberk_or_of_another_package_has_a_path():
    assert full_path("threats.LinfBall", "threat") == "hauberk.threats.LinfBall"
    assert full_path("torch.optim.SGD", "trainer.optimizer") == "torch.optim.SGD"
    with pytest.raises(InputError, match=r"threat: there is no class 'threats\.Linfball' \(did you mean"):
        full_path("threats.Linfball", "threat")


def test_arguments_of_a_class_by_its_path():
    assert arguments("hauberk.threats.LinfBall") == ["eps", "within"]


def test_what_earlier_releases_named_inside_the_concepts_is_found_where_it_is_now():
    assert full_path("attacks.AverageOf", "attack") == "hauberk.attacks.RandomOf"
    assert full_path("concepts.start.RandomSigns", "start") == "hauberk.searches.start.RandomSigns"
    assert full_path("hauberk.concepts.start.RandomSigns", "start") == "hauberk.searches.start.RandomSigns"
    assert full_path("concepts.slopes.Parallel", "slopes") == "hauberk.concepts.slopes.Parallel"
    with pytest.raises(InputError, match=r"concepts\.start\.Nowhere"):
        full_path("concepts.start.Nowhere", "start")
