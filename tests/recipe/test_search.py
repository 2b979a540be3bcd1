import math
from statistics import median

import pytest

from hauberk.errors import InputError
from hauberk.recipe.search import Range, drawn, grid, point_trees, searched

TREE = {"trainer": {"epochs": 1, "rates": [0.1, 0.2]}, "variants": {"long": {"trainer.epochs": 9}}}


def test_values_are_lists_or_ranges_in_the_order_given():
    found = searched(["b.c=[1e-3, {class: a.B}]", "a={low: 1e-4, high: 1/10, log: true}", "d={low: 0, high: 1}"])
    assert list(found.items()) == [
        ("b.c", ["1e-3", {"class": "a.B"}]), ("a", Range(1e-4, 0.1, log=True)), ("d", Range(0.0, 1.0)),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give --over"),
        (["trainer.epochs"], "key=values"),
        (["a=[1]", "a=[2]"], "a has values already"),
        (["a=3"], "must be a list"),
        (["a=[]"], "must be a list"),
        (["a=[1"], "not valid YAML"),
        (["a={low: 1}"], "a range is"),
        (["a={low: 2, high: 1}"], "a range is"),
        (["a={low: 0, high: 1, log: true}"], "log: true if both are positive"),
        (["a={low: 0, high: 1, log: 10}"], "a range is"),
        (["a={low: 0, high: 1, steps: 3}"], "a range is"),
        (["a={low: 0, high: .inf}"], "a range is"),
    ],
)
def test_other_values_are_refused(arguments: list[str], message: str):
    with pytest.raises(InputError, match=message):
        searched(arguments)


def test_the_grid_has_every_combination_the_last_key_fastest():
    points = grid({"a": [1, 2], "b": ["x", "y", "z"]})
    assert [tuple(point.values()) for point in points] == [(a, b) for a in (1, 2) for b in "xyz"]
    assert list(points[0]) == ["a", "b"]
    with pytest.raises(InputError, match=r"b has a range.*--random"):
        grid({"a": [1], "b": Range(0, 1)})


def test_draws_from_lists_are_different_points_of_the_grid_and_the_seed_s():
    values = {"a": [1, 2, 3], "b": [0, 1]}
    all_six = drawn(values, 6, 0)
    assert sorted(map(str, all_six)) == sorted(map(str, grid(values)))
    assert drawn(values, 4, 0) == drawn(values, 4, 0)
    assert drawn(values, 4, 0) != drawn(values, 4, 1)
    for count, message in ((7, "the whole grid has 6"), (0, "at least 1")):
        with pytest.raises(InputError, match=message):
            drawn(values, count, 0)


def test_draws_from_a_range_are_even_on_its_scale():
    points = drawn({"even": Range(1, 3), "log": Range(1e-4, 1e-2, log=True), "word": ["x", "y"]}, 2000, 0)
    for key, low, middle, high in (("even", 1, 2, 3), ("log", 1e-4, 1e-3, 1e-2)):
        values = [point[key] for point in points]
        assert low <= min(values) < max(values) <= high
        assert math.log(median(values) / middle) == pytest.approx(0, abs=0.3)
    assert {point["word"] for point in points} == {"x", "y"}


def test_points_change_the_recipe_which_loses_its_variants():
    trees = point_trees(TREE, [{"trainer.epochs": 2, "trainer.rates.1": "1e-3"}, {"trainer.epochs": 3}])
    assert trees == [
        {"trainer": {"epochs": 2, "rates": [0.1, "1e-3"]}},
        {"trainer": {"epochs": 3, "rates": [0.1, 0.2]}},
    ]
    assert TREE["trainer"] == {"epochs": 1, "rates": [0.1, 0.2]}


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([{"trainer.rates.7": 1}], r"points\.1\.trainer\.rates\.7: the recipe has no trainer\.rates\.7"),
        ([{"trainer.epochs": 2}, {"trainer.epochs": 3}, {"trainer.epochs": 2}], "points 1 and 3 are the same"),
        ([{"variants.long.trainer.epochs": 2}, {"variants.long.trainer.epochs": 3}], "points 1 and 2 are the same"),
    ],
)
def test_points_that_are_no_recipe_or_one_and_the_same_are_refused(points: list[dict], message: str):
    with pytest.raises(InputError, match=message):
        point_trees(TREE, points)
