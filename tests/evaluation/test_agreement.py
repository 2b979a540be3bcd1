"""Proofs and counterexamples of one batch: what contradicts what, and the evidence that is kept."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import load_file

from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.certificate import Certificate, Verifier
from hauberk.errors import SoundnessError
from hauberk.evaluation.agreement import require_agreement
from hauberk.evaluation.records import certified_radii, outcomes
from hauberk.evaluation.shard import Shard
from hauberk.threats import LinfBall
from two_pixels import comparing

INDEX = torch.tensor([40, 41, 42])
X = torch.tensor([[0.2, 0.3], [0.4, 0.8], [0.1, 0.9]])  # misclassified at distances of 0.05, 0.2 and 0.4
EPS = 0.1


def shard(eps=EPS):
    """Return a shard of a network that says 1 where the first pixel exceeds the second."""
    return Shard(comparing(), LinfBall(eps), X, torch.zeros(3, dtype=torch.long), INDEX, 0)


class Within(Attack):
    """Moves the pixels towards each other as far as the set allows."""

    def __call__(self, network, S, y, *, noise):
        return S.project(S.start + torch.tensor([9.0, -9.0]))


class Nearest(MinimumDistanceAttack):
    """Moves the pixels towards each other until they have changed places, barely."""

    def __call__(self, network, S, y, *, noise, enough=False):
        half = (S.start[:, 1:] - S.start[:, :1]) / 2 + 0.001
        return S.start + torch.cat([half, -half], 1)


class Claiming(Verifier):
    """Proves what it is told to, perhaps with radii."""

    def __init__(self, name, proven, radius=None, confidence=1.0):
        self.name, self.proven, self.radius, self.confidence = name, proven, radius, confidence

    def __call__(self, subject, S, spec):
        where = [int((one == X).all(1).nonzero()[0, 0]) for one in S.start]
        lower = torch.tensor([[0.5 if self.proven[i] else -0.5] for i in where])
        found = Certificate.from_lower(lower, subject.kind, "claimed", self.confidence)
        return found if self.radius is None else replace(found, radius=torch.tensor([self.radius[i] for i in where]))


def judged(verifier, *attacks):
    made = shard()
    made.verify(verifier)
    for attack in attacks:
        made.attack(type(attack).__name__, attack)
    return made


def test_a_member_that_breaks_a_certain_proof_is_an_error(tmp_path):
    made = judged(Claiming("sure", [True, False, False]), Within())
    with pytest.raises(SoundnessError, match="example 40 is proven by sure and broken by Within: a bug"):
        require_agreement(made, tmp_path)
    kept = load_file(tmp_path / "contradiction-40.safetensors")
    assert torch.equal(kept["input"], X[0])
    assert LinfBall(EPS).at(X[:1]).contains(kept["counterexample"][None]).all()


def test_a_point_beyond_the_set_but_within_a_certain_radius_is_an_error_too(tmp_path):
    made = judged(Claiming("sure", [False, True, True], [0.0, 0.25, 0.3]), Within(), Nearest())
    with pytest.raises(SoundnessError, match=r"example 41 is proven within 0\.25 by sure and misclassified at 0\.20"):
        require_agreement(made, tmp_path)
    kept = load_file(tmp_path / "contradiction-41.safetensors")
    point = kept["counterexample"]
    assert point[0] > point[1]
    assert EPS < float((point - X[1]).abs().max()) <= 0.25
    assert int(kept["label"]) == 0


def test_what_agrees_is_no_error(tmp_path):
    require_agreement(judged(Claiming("sure", [False, True, True], [0.04, 0.19, 0.39]), Within(), Nearest()), tmp_path)
    require_agreement(judged(Claiming("bounds", [False, True, True]), Within(), Nearest()), tmp_path)
    assert not list(tmp_path.iterdir())


def test_likely_proofs_are_overturned_instead_and_records_keep_both_numbers(tmp_path):
    made = judged(Claiming("likely", [True, True, True], [0.1, 0.25, 0.3], 0.99), Within(), Nearest())
    require_agreement(made, tmp_path)
    assert not list(tmp_path.iterdir())
    found = made.records(1.0)
    assert found["certified_by"].to_list() == ["likely"] * 3
    assert found["radius"].to_list() == pytest.approx([0.1, 0.25, 0.3])
    assert found["distance"].to_list() == pytest.approx([EPS, 0.201, 0.401], rel=1e-5)
    assert outcomes(found)["certified"].to_list() == [False, False, True]
    assert certified_radii(found).tolist() == pytest.approx([0.0, 0.0, 0.3])


def test_a_contradiction_at_a_smaller_radius_is_told_without_the_point_of_the_larger_one(tmp_path):
    larger = judged(Claiming("silent", [False] * 3), Nearest())
    made = shard(EPS / 2)
    made.inherit(larger.records(1.0), larger.facts(), ["Nearest"])
    made.verify(Claiming("sure", [False, True, False], [0.0, 0.25, 0.0]))
    with pytest.raises(SoundnessError, match=r"example 41 .* by an attack"):
        require_agreement(made, tmp_path)
    assert load_file(tmp_path / "contradiction-41.safetensors").keys() == {"input", "label"}


def test_sets_that_are_not_nested_inherit_nothing(monkeypatch):
    larger = judged(Claiming("silent", [False] * 3), Within())
    made, same = shard(EPS / 2), shard(EPS / 2)
    same.inherit(larger.records(1.0), larger.facts(), ["Within"])
    assert same.settled.any()
    monkeypatch.setattr(type(made.S), "nested", False)
    made.inherit(larger.records(1.0), larger.facts(), ["Within"])
    assert not made.settled.any()
