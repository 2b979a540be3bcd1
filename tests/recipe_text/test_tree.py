import pytest

from hauberk.errors import InputError
from hauberk.recipe_text.tree import assign, changed, parsed


def test_changes_reach_mappings_and_lists_and_make_mappings_on_the_way():
    tree = {"a": {"b": [1, {"c": 2}]}, "d": 3}
    found = changed(tree, {"a.b.1.c": 4, "d": [5], "e.f.g": 6, "e.f.h": 7}, "here")
    assert found == {"a": {"b": [1, {"c": 4}]}, "d": [5], "e": {"f": {"g": 6, "h": 7}}}
    assert tree == {"a": {"b": [1, {"c": 2}]}, "d": 3}


def test_later_changes_see_earlier_ones_and_share_nothing_with_the_values_given():
    value = {"b": 1}
    assert changed({}, {"a": value, "a.b": 2}, "here") == {"a": {"b": 2}}
    assert value == {"b": 1}


@pytest.mark.parametrize("section", ["variants", "scales"])
def test_what_follows_the_name_of_an_alternative_is_one_key(section: str):
    tree = {section: {"short": {"trainer.epochs": 2}}}
    assign(tree, f"{section}.short.trainer.epochs", 3, "here")
    assign(tree, f"{section}.short.trainer.batch", 4, "here")
    assign(tree, f"{section}.new", {}, "here")
    assert tree == {section: {"short": {"trainer.epochs": 3, "trainer.batch": 4}, "new": {}}}


@pytest.mark.parametrize("path", ["a.b.2", "a.b.x", "d.e"])
def test_a_place_that_the_tree_has_not_is_named(path: str):
    with pytest.raises(InputError, match=rf"here\.{path}: the recipe has no {path}\."):
        changed({"a": {"b": [1, 2]}, "d": 3}, {path: 0}, "here")


def test_what_is_no_yaml_is_named():
    assert parsed("a: [1, 2.0e-3]", "text") == {"a": [1, 0.002]}
    with pytest.raises(InputError, match="text is not valid YAML"):
        parsed("a: {", "text")
