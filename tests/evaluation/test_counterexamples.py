"""Who broke an example first, with which point; and what a larger radius leaves to a smaller one."""

import json
from math import inf

import polars as pl
import torch

from hauberk.evaluation.answers import Answers
from hauberk.evaluation.counterexamples import Counterexamples

Y = torch.zeros(4, dtype=torch.long)
START = torch.zeros(4, 1)
EVERYONE = torch.arange(4)


def answers(broken, distance, z=0.0, member=None):
    hits = torch.tensor(broken)
    member = hits if member is None else torch.tensor(member)
    return Answers(torch.full((len(hits), 1), z), member, hits, torch.tensor(distance))


def test_the_first_to_break_an_example_is_credited_and_its_point_is_kept():
    found = Counterexamples(Y, START)
    members = [True, True, True, False]
    found.note("a", EVERYONE, answers([True, False, False, False], [0.3, inf, inf, inf], 1.0, members), 1)
    found.note("b", torch.tensor([0, 2]), answers([True, True], [0.2, 0.1], 2.0), 2.5)
    assert found.by == ["a", None, "b", None]
    assert found.points[:, 0].tolist() == [1.0, 1.0, 2.0, 0.0], "what never was a member is not kept"
    assert found.answered.tolist() == [True, True, True, False]
    found.refute("exact", torch.tensor([1, 2]), answers([True, True], [0.9, 0.05], 3.0))
    assert found.by == ["a", "exact", "b", None]
    assert found.points[:, 0].tolist() == [1.0, 3.0, 2.0, 0.0]
    assert torch.equal(found.distance, torch.tensor([0.2, 0.9, 0.05, inf])), "the least of all, verifiers' too"
    assert found.outcomes.keys() == {"a", "b"}
    assert json.loads(found.facts()["attack_seconds"]) == {"a": 1, "b": 2.5}


def test_the_nearest_point_is_kept_wherever_it_lies():
    found, nobody = Counterexamples(Y, START), [False] * 4
    found.note("a", EVERYONE, answers(nobody, [0.3, 0.4, inf, inf], 1.0), 1)
    found.note("b", torch.tensor([0, 1, 2]), answers(nobody[:3], [0.3, 0.2, inf], 2.0), 1)
    found.refute("exact", torch.tensor([2]), answers([True], [0.9], 3.0))
    assert found.nearest[:, 0].tolist() == [1.0, 2.0, 3.0, 0.0]
    assert found.nearest_by == ["a", "b", "exact", None]
    assert found.points[:, 0].tolist() == [0.0, 0.0, 3.0, 0.0], "no others are members"


def test_at_a_smaller_radius_near_points_break_and_what_was_unbroken_stays_so():
    larger = pl.DataFrame({"distance: a": [0.3, 0.5, None, 0.1], "distance: b": [0.6, 0.4, None, 0.2]})
    found = Counterexamples(Y, START)
    settled = torch.tensor([False, False, True, True])
    radius = torch.tensor([0.3, 0.4, 9.0, 9.0])
    found.inherit(larger, ["a", "b"], radius, settled)
    assert found.by == ["a", "b", None, None]
    assert found.outcomes["a"].broken.tolist() == [True, False, False, False]
    assert found.outcomes["b"].broken.tolist() == [False, True, False, False]
    for outcome in found.outcomes.values():
        assert torch.equal(outcome.tried, outcome.broken)
        assert outcome.tried is not outcome.broken
    assert torch.equal(found.outcomes["a"].distance, torch.tensor([0.3, 0.5, inf, 0.1]))
    assert not found.answered.any(), "the points of larger radii are not kept"
    found.note("a", torch.tensor([1]), answers([True], [0.4]), 0.0)
    assert found.outcomes["b"].tried.tolist() == [False, True, False, False]


def test_a_point_a_hair_beyond_a_radius_does_not_break_within_it():
    beyond = torch.tensor(0.25).nextafter(torch.tensor(inf)).item()
    larger = pl.DataFrame({"distance: a": [0.25, beyond, 0.125, None]})
    found = Counterexamples(Y, START)
    found.inherit(larger, ["a"], torch.full((4,), 0.25), torch.zeros(4, dtype=torch.bool))
    assert found.by == ["a", None, "a", None]


def test_refusals_are_written_by_name():
    found = Counterexamples(Y, START)
    found.refusals["odd"] = "not here"
    assert json.loads(found.facts()["attacks_not_applicable"]) == {"odd": "not here"}
