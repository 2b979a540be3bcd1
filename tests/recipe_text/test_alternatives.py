import pytest

from hauberk.errors import InputError
from hauberk.recipe_text.alternatives import scaled, variants

TREE = {
    "threat": {"eps": 0.3},
    "trainer": {"epochs": 17, "batch": 128},
    "variants": {"longer": {"trainer.epochs": 500}, "same": {}},
    "scales": {"smoke": {"trainer.epochs": 1, "trainer.batch": 4, "variants.longer.trainer.epochs": 2}, "tiny": {}},
}


def test_a_variant_changes_its_keys_and_nothing_else():
    found = variants({key: value for key, value in TREE.items() if key != "scales"})
    assert found["same"] == {"threat": {"eps": 0.3}, "trainer": {"epochs": 17, "batch": 128}}
    assert found["longer"] == {"threat": {"eps": 0.3}, "trainer": {"epochs": 500, "batch": 128}}
    assert TREE["trainer"]["epochs"] == 17


def test_a_scale_changes_the_recipe_and_through_it_the_variants():
    tree = scaled(TREE, "smoke")
    assert tree["trainer"] == {"epochs": 1, "batch": 4}
    assert {name: found["trainer"] for name, found in variants(tree).items()} == {
        "longer": {"epochs": 2, "batch": 4},
        "same": {"epochs": 1, "batch": 4},
    }
    assert "scales" not in tree
    assert TREE["variants"]["longer"] == {"trainer.epochs": 500}


def test_without_a_scale_a_recipe_is_as_it_stands():
    assert scaled(TREE, None) == {key: value for key, value in TREE.items() if key != "scales"}
    assert scaled({"seed": 1}, None) == {"seed": 1}


def test_an_unknown_scale_is_refused_with_those_that_there_are():
    with pytest.raises(InputError, match=r"no scale 'smok' \(did you mean 'smoke'\?\): it has smoke, tiny\."):
        scaled(TREE, "smok")
    with pytest.raises(InputError, match=r"no scale 'smoke': it has none\."):
        scaled({"seed": 1}, "smoke")


@pytest.mark.parametrize("given", [[1], {"../up": {}}, {"a": 3}])
@pytest.mark.parametrize("section", ["variants", "scales"])
def test_a_mistake_in_an_alternative_is_named(section: str, given: object):
    with pytest.raises(InputError, match=section):
        variants(scaled({**TREE, section: given}, None))


def test_a_change_of_what_is_not_there_is_named():
    with pytest.raises(InputError, match=r"variants\.a\.threat\.eps\.x"):
        variants(TREE | {"variants": {"a": {"threat.eps.x": 1}}})
    with pytest.raises(InputError, match=r"scales\.smoke\.threat\.eps\.x"):
        scaled(TREE | {"scales": {"smoke": {"threat.eps.x": 1}}}, "smoke")
