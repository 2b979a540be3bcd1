"""Certificates that may fail: how they meet others, and counterexamples."""

from dataclasses import replace

import pytest
import torch

from hauberk.concepts.certificate import Certificate, Verdict
from hauberk.errors import SoundnessError

UNKNOWN, VERIFIED, FALSIFIED = Verdict.UNKNOWN, Verdict.VERIFIED, Verdict.FALSIFIED


def certificate(verdict, lower, confidence, radius=None):
    b = len(verdict)
    radius = None if radius is None else torch.tensor(radius)
    given = torch.full((b, 2), lower), torch.full((b,), confidence, dtype=torch.float64)
    return Certificate(torch.tensor(verdict), *given, "network", "float64", radius)


def both_ways(first, second):
    return first.merged(second), second.merged(first)


def test_the_confidence_of_lower_bounds_is_that_of_every_example():
    found = Certificate.from_lower(torch.tensor([[1.0], [-1.0]]), "network", "float64", 0.99)
    assert found.confidence.tolist() == [0.99, 0.99]
    assert found.verdict.tolist() == [VERIFIED, UNKNOWN]
    assert not found.settled.any()
    assert Certificate.from_lower(torch.ones(1, 1), "network", "float64").settled.all()


def test_a_proof_for_sure_stays_what_it_is_beside_a_stronger_one_that_may_fail():
    sure = certificate([VERIFIED, UNKNOWN], 1.0, 1.0, radius=[0.1, 0.0])
    likely = certificate([VERIFIED, VERIFIED], 5.0, 0.9, radius=[0.5, 0.5])
    for merged in both_ways(sure, likely):
        assert merged.verdict.tolist() == [VERIFIED, VERIFIED]
        assert merged.lower[:, 0].tolist() == [1.0, 5.0]
        assert merged.confidence.tolist() == pytest.approx([1.0, 0.9])
        assert merged.radius.tolist() == pytest.approx([0.1, 0.5])
        assert merged.settled.tolist() == [True, False]


def test_the_probabilities_of_being_wrong_add_up_where_either_could_have_been_believed():
    first, second = certificate([UNKNOWN, VERIFIED], 1.0, 0.99), certificate([VERIFIED, VERIFIED], 2.0, 0.95)
    for merged in both_ways(first, second):
        assert merged.confidence.tolist() == pytest.approx([0.94, 0.94])
        assert merged.verified.all()
        assert (merged.lower == 2.0).all()


def test_a_counterexample_overturns_a_proof_that_may_fail_and_is_counted():
    likely = certificate([VERIFIED, VERIFIED, UNKNOWN], 3.0, 0.9)
    broken = certificate([FALSIFIED, UNKNOWN, FALSIFIED], -1.0, 1.0)
    for merged in both_ways(likely, broken):
        assert merged.verdict.tolist() == [FALSIFIED, VERIFIED, FALSIFIED]
        assert merged.confidence.tolist() == pytest.approx([1.0, 0.9, 1.0])
        assert merged.lower[:, 0].tolist() == [-1.0, 3.0, -1.0]
        assert merged.overturned.tolist() == [True, False, False]
        again = merged.merged(certificate([UNKNOWN] * 3, -9.0, 1.0))
        assert again.overturned.tolist() == [True, False, False]
        assert merged.select(torch.tensor([2, 0])).overturned.tolist() == [False, True]
    assert likely.merged(certificate([UNKNOWN] * 3, 0.0, 1.0)).overturned is None
    with pytest.raises(SoundnessError, match=r"\[0\]"):
        certificate([VERIFIED], 3.0, 1.0).merged(certificate([FALSIFIED], -1.0, 1.0))


def test_merging_into_some_examples_changes_no_confidence_of_the_others():
    whole = certificate([UNKNOWN, VERIFIED, VERIFIED, UNKNOWN], 0.5, 0.9)
    merged = whole.merged_at(torch.tensor([3, 2]), certificate([VERIFIED, VERIFIED], 0.1, 1.0))
    assert merged.confidence.tolist() == pytest.approx([0.9, 0.9, 1.0, 1.0])
    assert merged.lower[:, 0].tolist() == pytest.approx([0.5, 0.5, 0.1, 0.1])
    assert merged.verdict.tolist() == [UNKNOWN, VERIFIED, VERIFIED, VERIFIED]
    broken = whole.merged_at(torch.tensor([1]), certificate([FALSIFIED], -1.0, 1.0))
    assert broken.overturned.tolist() == [False, True, False, False]
    later = whole.merged_at(torch.tensor([1, 2]), broken.select(torch.tensor([1, 2])))
    assert later.overturned.tolist() == [False, True, False, False]


def test_counterexamples_are_those_of_whichever_refutes():
    points = torch.arange(3.0)[:, None]
    first = replace(certificate([FALSIFIED, UNKNOWN, UNKNOWN], -1.0, 1.0), counterexamples=points)
    second = replace(certificate([UNKNOWN, FALSIFIED, UNKNOWN], -1.0, 1.0), counterexamples=points + 10)
    for merged in both_ways(first, second):
        assert merged.counterexamples[:2, 0].tolist() == [0.0, 11.0]
    plain = certificate([UNKNOWN, UNKNOWN, VERIFIED], -1.0, 1.0)
    assert plain.merged(plain).counterexamples is None
    assert plain.merged(first).counterexamples[0] == 0.0
    later = plain.merged_at(torch.tensor([1]), second.select(torch.tensor([1])))
    assert later.counterexamples[1] == 11.0
    assert later.select(torch.tensor([2, 1])).counterexamples[1] == 11.0
