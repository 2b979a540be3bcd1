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


def test_of_two_precisions_bounds_keep_the_wider_and_the_text_names_both():
    third = torch.tensor([[1 / 3]], dtype=torch.float64)
    wide = Certificate.from_lower(third, "network", "float64, rounded; exact")
    narrow = Certificate.from_lower(torch.full((1, 1), 0.25), "network", "float32, rounded; exact")
    for merged in both_ways(wide, narrow):
        assert merged.lower.dtype == torch.float64
        assert torch.equal(merged.lower, third), "rounded to float32, a third grows"
        assert sorted(merged.arithmetic.split("; ")) == ["exact", "float32, rounded", "float64, rounded"]
    later = narrow.merged_at(torch.tensor([0]), wide)
    assert torch.equal(later.lower, third)
    assert narrow.merged(narrow).arithmetic == narrow.arithmetic
    assert narrow.merged(narrow).lower.dtype == torch.float32
    assert Certificate.from_lower(third, "network", "").merged(narrow).arithmetic == narrow.arithmetic


def test_only_where_the_two_contradict_each_other_is_a_proof_overturned():
    """Both sides may be the one that is unsure, and each may bring what was overturned before."""
    likely = certificate([VERIFIED, VERIFIED, FALSIFIED, VERIFIED], 1.0, 0.9)
    other = certificate([VERIFIED, FALSIFIED, VERIFIED, UNKNOWN], 1.0, 0.8)
    for merged in both_ways(likely, other):
        assert merged.overturned.tolist() == [False, True, True, False]
        assert merged.confidence.tolist() == pytest.approx([0.7] * 4)
    before = replace(likely, overturned=torch.tensor([False, False, False, True]))
    for merged in both_ways(before, other):
        assert merged.overturned.tolist() == [False, True, True, True]
    calm = certificate([UNKNOWN] * 4, 0.0, 0.8)
    for merged in both_ways(before, calm):
        assert merged.overturned.tolist() == [False, False, False, True]


def test_where_both_are_unsure_the_first_decides_and_what_it_leaves_open_the_second():
    first = certificate([FALSIFIED, UNKNOWN, Verdict.TIMEOUT, VERIFIED], -1.0, 0.9)
    second = certificate([UNKNOWN, FALSIFIED, VERIFIED, FALSIFIED], -2.0, 0.9)
    assert first.merged(second).verdict.tolist() == [FALSIFIED, FALSIFIED, VERIFIED, VERIFIED]
    assert second.merged(first).verdict.tolist() == [FALSIFIED, FALSIFIED, VERIFIED, FALSIFIED]


def test_a_merge_into_some_examples_takes_nothing_else_over():
    whole = certificate([UNKNOWN, VERIFIED, UNKNOWN], 0.5, 1.0, radius=[0.1, 0.2, 0.3])
    part = replace(certificate([VERIFIED], 2.0, 0.9, radius=[9.0]), overturned=torch.tensor([True]))
    merged = whole.merged_at(torch.tensor([2]), part)
    assert merged.radius.tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert merged.lower[:, 0].tolist() == [0.5, 0.5, 2.0]
    assert merged.overturned.tolist() == [False, False, True]
    assert merged.confidence.tolist() == pytest.approx([1.0, 1.0, 0.9])
    again = merged.merged_at(torch.tensor([0]), certificate([FALSIFIED], -1.0, 1.0))
    assert again.verdict.tolist() == [FALSIFIED, VERIFIED, VERIFIED]
    assert again.overturned.tolist() == [False, False, True]


def test_only_finite_bounds_above_zero_prove():
    inf, nan = torch.inf, torch.nan
    lower = torch.tensor([[1.0, 2.0], [0.0, 2.0], [inf, 2.0], [nan, 2.0], [1.0, -inf], [1e-30, 1e-30]])
    found = Certificate.from_lower(lower, "network", "")
    assert found.verified.tolist() == [True, False, False, False, False, True]
    assert found.lower[2:5].tolist() == [[-inf, 2.0], [-inf, 2.0], [1.0, -inf]]
