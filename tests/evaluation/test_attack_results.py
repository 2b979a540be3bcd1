"""What is counted of each attack, by hand."""

import polars as pl
import pytest
from scipy.stats import beta

from hauberk.attacks import FGSM, BlendedNoise
from hauberk.evaluation.attack_results import attack_results
from hauberk.evaluation.records import outcomes
from hauberk.losses import Margin

RECORDS = pl.DataFrame(
    {
        "label": [0, 0, 0, 0, 0],
        "prediction": [0, 0, 0, 1, 0],
        "broken_by": ["a", "b", None, None, None],
        "distance": [0.5, 2.5, None, None, 1.5],
        "certified_by": [None, None, "x", "x", None],
        "eps": [3.0] * 5,
        "broken: a": [True, False, False, None, False],
        "distance: a": [0.5, 2.5, None, None, 1.5],
        "broken: b": [None, True, False, None, None],
        "distance: b": [None, None, None, None, None],
    },
    schema_overrides={"distance: b": pl.Float32},
)


def rows(refusals):
    return attack_results(
        RECORDS, {"a": FGSM(Margin()), "b": BlendedNoise(2, 2)}, {"a": 7.0}, refusals, {"b": ["a part"]}
    )


def test_every_count_is_that_of_the_records():
    first, second = rows({"b": "not here"})
    assert (first["name"], first["black_box"], first["minimum_distance"]) == ("a", False, False)
    assert (second["name"], second["black_box"], second["minimum_distance"]) == ("b", True, True)
    for row, counts in ((first, (1, 4, 1, 3, 1)), (second, (1, 2, 1, 0, 1))):
        assert tuple(row[key] for key in ("broken", "tried", "succeeded", "found", "never")) == counts
    assert (first["median_distance"], first["mean_distance"]) == (1.5, 1.5)
    assert second["median_distance"] is second["mean_distance"] is None
    assert (first["seconds"], second["seconds"]) == (7.0, 0.0)
    assert (first["not_applicable"], second["not_applicable"]) == (None, "not here")
    assert (first["remarks"], second["remarks"]) == ([], ["a part"])


def test_an_attack_leaves_an_accuracy_alone_only_if_it_was_tried_on_all_that_is_right():
    first, second = rows({})
    low, high = beta.ppf(0.025, 3, 5 - 3 + 1), beta.ppf(0.975, 3 + 1, 5 - 3)  # Clopper and Pearson
    assert first["alone"]["count"] == 3
    assert first["alone"]["share"] == pytest.approx(3 / 5)
    assert (first["alone"]["low"], first["alone"]["high"]) == pytest.approx((low, high))
    assert second["alone"] is None
    assert rows({"a": "refused"})[0]["alone"] is None


def test_an_example_counts_as_certified_only_if_it_is_right_and_unbroken():
    found = outcomes(RECORDS)
    assert found["clean"].to_list() == [True, True, True, False, True]
    assert found["attacked"].to_list() == [False, False, True, False, True]
    assert found["certified"].to_list() == [False, False, True, False, False]
