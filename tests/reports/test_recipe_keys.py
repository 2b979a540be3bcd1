"""Recipes by their keys."""

import pytest
import yaml

from hauberk.errors import InputError
from hauberk.reports.recipe_keys import as_number, as_text, in_short, recipe_keys


def test_values_have_the_paths_that_overrides_take():
    text = "threat: {class: threats.LinfBall, eps: 8/255}\ntrainer: {later: [], times: [0, 0.5]}\nnetwork: a.B\n"
    assert recipe_keys(text, "here") == {
        "threat.class": "threats.LinfBall",
        "threat.eps": "8/255",
        "trainer.later": [],
        "trainer.times.0": 0,
        "trainer.times.1": 0.5,
        "network": "a.B",
    }


@pytest.mark.parametrize("text", ["", "words", "- a\n- b", "3"])
def test_what_is_no_mapping_has_no_keys(text):
    assert recipe_keys(text, "here") == {}


def test_names_the_file_that_is_no_yaml():
    with pytest.raises(InputError, match=r"a/recipe\.yaml is not valid YAML"):
        recipe_keys("a: [", "a/recipe.yaml")


@pytest.mark.parametrize(
    ("value", "number"), [(2, 2.0), (0.5, 0.5), ("8/255", 8 / 255), ("1e-3", 1e-3), ("-1/4", -0.25)]
)
def test_numbers_are_numbers_however_they_are_written(value, number):
    assert as_number(value) == number
    assert isinstance(as_number(value), float)


@pytest.mark.parametrize("value", [True, None, "a.B", "1/0", "1/2/3", "inf", "nan", [], "1e999999999", "/2"])
def test_what_is_no_finite_number_stays_as_it_is(value):
    assert as_number(value) is value


@pytest.mark.parametrize(
    "value", [3, 0.1, "1e-3", "8/255", True, None, [1, {"class": "a.B", "b": 2}], "a: b", "x" * 200]
)
def test_values_are_written_as_overrides_take_them(value):
    text = as_text(value)
    assert yaml.safe_load(text) == value
    assert "\n" not in text


def test_floats_are_short_where_they_are_only_shown():
    assert in_short({"a.b": 0.00123456, "c": [0.5, 1], "d": "1e-3"}) == "a.b=0.001235, c=[0.5, 1], d=1e-3"
