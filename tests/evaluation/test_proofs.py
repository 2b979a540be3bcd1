"""What is written of proofs: bounds rounded down, and failures that add up."""

import json
from dataclasses import replace
from math import inf

import polars as pl
import pytest
import torch

from hauberk.concepts.certificate import Certificate, Verdict
from hauberk.evaluation.proofs import Proofs

DTYPE = torch.float64


def certificate(lower, confidence=1.0, arithmetic="exact"):
    return Certificate.from_lower(torch.tensor(lower, dtype=DTYPE)[:, None], "network", arithmetic, confidence)


def noted(*certificates, examples=2):
    proofs, everyone = Proofs(torch.zeros(examples, dtype=torch.long)), torch.arange(examples)
    for number, found in enumerate(certificates):
        proofs.note(f"verifier {number}", everyone, found, 0.5)
    return proofs


def test_written_bounds_are_the_largest_numbers_not_above_the_proven_ones():
    exact = [0.1, 1 / 3, -0.1, -1 / 3, 2.0**-30 + 2.0**-60, 0.5, -0.0, 1e-60, -1e-60, 7e37]
    found = noted(certificate(exact), examples=len(exact)).lower
    assert found.dtype == torch.float32
    exact = torch.tensor(exact, dtype=DTYPE)
    assert (found.double() <= exact).all()
    assert (found.nextafter(torch.tensor(inf)).double() > exact).all()
    assert found[5] == 0.5


def test_the_least_row_counts_and_the_best_verifier():
    rows = torch.tensor([[3.0, 0.5], [-1.0, 2.0]], dtype=DTYPE)
    proofs = noted(Certificate.from_lower(rows, "network", "a"))
    assert proofs.lower.tolist() == [0.5, -1.0]
    assert proofs.by == ["verifier 0", None]
    proofs.note("late", torch.tensor([1]), certificate([-3.0], arithmetic="b"), 0.25)
    assert proofs.lower.tolist() == [0.5, -1.0], "a worse bound changes nothing"
    proofs.note("last", torch.tensor([1]), certificate([4.0]), 2.0)
    assert proofs.lower.tolist() == [0.5, 4.0]
    assert proofs.by == ["verifier 0", "last"]
    assert proofs.sure.tolist() == [True, True]
    assert json.loads(proofs.facts()["seconds"]) == {"verifier 0": 0.5, "late": 0.25, "last": 2.0}
    assert proofs.facts()["arithmetic"] == "a; b; exact"


def test_failures_of_verifiers_that_were_asked_of_one_example_add_up():
    proofs = noted(certificate([1.0, -1.0], 0.97), examples=2)
    assert proofs.sure.tolist() == [False, False]
    proofs.note("second", torch.tensor([1]), certificate([1.0], 0.9), 0.0)
    proofs.note("third", torch.tensor([1]), certificate([1.0], 1.0), 0.0)
    confidence = json.loads(proofs.facts()["confidence"])
    assert confidence == pytest.approx({"verifier 0": 0.97, "second": 1 - 0.03 - 0.1, "third": 1.0})
    assert proofs.sure.tolist() == [False, True]


def test_the_confidence_written_is_the_least_of_all_examples():
    proofs = noted(certificate([-1.0, -1.0], 1.0))
    proofs.note("first", torch.tensor([1]), certificate([-1.0], 0.9), 0.0)
    proofs.note("second", torch.tensor([0, 1]), certificate([1.0, 1.0], 0.95), 0.0)
    assert json.loads(proofs.facts()["confidence"])["second"] == pytest.approx(1 - 0.1 - 0.05)


def test_a_bound_that_may_be_wrong_is_written_only_where_it_proves():
    proofs = noted(certificate([0.25, -0.5], 0.9))
    assert proofs.lower.tolist() == [0.25, -inf]
    assert noted(certificate([0.25, -0.5])).lower.tolist() == [0.25, -0.5]
    refuted = replace(certificate([0.25, -0.5]), verdict=torch.full((2,), Verdict.FALSIFIED.value))
    proofs = noted(refuted)
    assert proofs.by == [None, None]
    assert not proofs.sure.any()


def inheriting(by, lower, unbroken, **confidence):
    radius = [0.75] * len(by)
    proofs = Proofs(torch.zeros(len(by), dtype=torch.long))
    proofs.inherit(pl.DataFrame({"certified_by": by, "lower": lower, "radius": radius}), unbroken, confidence)
    return proofs


def test_proofs_at_a_larger_radius_hold_where_nothing_broke_the_example():
    proofs = inheriting(["a", "b", None, "c"], [0.5, 0.25, -2.0, None], [True, False, True, True])
    assert proofs.by == ["a", None, None, "c"]
    assert proofs.lower.tolist() == [0.5, -inf, -inf, -inf]
    assert not proofs.sure.any(), "what is not known to be sure raises no alarm"


def test_proofs_of_a_larger_radius_are_as_likely_to_fail_here():
    proofs = inheriting(["a", None], [0.5, None], [True, True], a=0.99, b=0.98)
    assert json.loads(proofs.facts()["confidence"]) == {"a": 0.99, "b": 0.98}
    assert proofs.radii.column() == [0.75, 0.75]


def test_a_verifier_that_is_asked_again_may_fail_again_unless_it_finds_radii():
    proofs, left = inheriting([None, None], [None, None], [True, True], a=0.99, b=0.98), torch.arange(2)
    found = certificate([1.0, -1.0], 0.99)
    proofs.note("a", left, found, 0.0)
    proofs.note("b", left, replace(found, radius=torch.ones(2)), 0.0)
    proofs.note("c", left, certificate([1.0, 1.0]), 0.0)
    confidence = json.loads(proofs.facts()["confidence"])
    assert confidence == pytest.approx({"a": 1 - 0.01 - 0.01, "b": 1 - 0.01 - 0.01, "c": 1.0})
    assert proofs.radii.column() == [1.0, 1.0]
