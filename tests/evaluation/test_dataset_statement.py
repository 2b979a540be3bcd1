"""The statement about all certificates at once, against exact binomial sums."""

import json
from fractions import Fraction
from math import comb, floor, log, sqrt

import polars as pl
import pytest
import torch

from hauberk.concepts.dataset import Split
from hauberk.evaluation.dataset_statement import dataset_statement, most_equal, most_failures


def more_than(count, trials, failure):
    """Return the exact probability of more than `count` failures."""
    right = 1 - failure
    return 1 - sum(comb(trials, k) * failure**k * right ** (trials - k) for k in range(count + 1))


@pytest.mark.parametrize("trials", [500, 10_000])
def test_failures_exceed_the_number_at_most_with_the_stated_probability(trials):
    small = Fraction(1, 1000)
    found = most_failures(trials, 0.001, 1)
    assert more_than(found, trials, small) <= small < more_than(found - 1, trials, small)


def test_the_closed_form_of_the_literature_would_promise_too_much():
    n, alpha, rho = 10_000, 0.001, 0.001
    share = alpha + sqrt(alpha * (1 - alpha) * log(1 / rho) / n) + log(1 / rho) / (3 * n)
    chance = more_than(floor(share * n), n, Fraction(1, 1000))
    assert float(chance) == pytest.approx(0.0016, abs=5e-5)
    assert most_failures(n, alpha, 1, rho) == floor(share * n) + 1


def test_equal_inputs_fail_together():
    assert most_failures(10_000, 0.001, 3) == 3 * most_failures(10_000, 0.001, 1)
    assert most_failures(10, 0.001, 7) == 7
    assert most_failures(10, 0.1, 100) == 10, "no more than there are"


def test_certificates_that_depend_on_each_other_are_bounded_by_what_is_expected():
    assert most_failures(1000, 1e-9, None, 0.001) == 0
    assert most_failures(1000, 2e-6, None, 0.001) == 1  # 2 or more have a probability of 0.002 / 2 at most
    assert most_failures(1000, 0.01, None, 0.001) == 1000
    assert most_failures(0, 0.01, 1) == most_failures(0, 0.01, None) == 0
    assert most_failures(5, 1.2, 1) == 5, "summed probabilities of several verifiers may exceed 1"


RECORDS = pl.DataFrame(
    {
        "label": [0] * 6,
        "prediction": [0, 0, 0, 0, 0, 1],
        "broken_by": [None, None, None, None, "a", None],
        "distance": [None] * 6,
        "certified_by": ["votes", "votes", "votes", "interval", "votes", None],
        "radius": [0.5] * 6,
        "eps": [0.25] * 6,
    },
    schema_overrides={"distance": pl.Float32},
)


def facts(*confidences):
    return [{"confidence": json.dumps(one)} for one in confidences]


def test_wrong_certificates_are_subtracted_from_those_that_count():
    said = dataset_statement(RECORDS, facts({"votes": 0.999, "interval": 1.0}, {"votes": 0.99}), 1)
    assert (said.tried, said.equal, said.confidence) == (5, 1, 0.999)
    assert said.failure == pytest.approx(0.01), "the least confidence of all shards"
    assert said.failures == most_failures(5, said.failure, 1) == 1
    assert said.at_least == 4 - 1


def test_what_is_certain_stays():
    said = dataset_statement(RECORDS, facts({"votes": 0.5, "interval": 1.0}), None)
    assert (said.failures, said.at_least) == (5, 1), "the certain proof counts in any case"


def test_certain_proofs_need_no_statement():
    assert dataset_statement(RECORDS, facts({"votes": 1.0}), 1) is None
    assert dataset_statement(RECORDS, [{}], 1) is None, "files of earlier releases name no confidence"


def test_equal_inputs_are_counted_whatever_lies_between_them():
    pixels = torch.randint(0, 256, (25, 1, 3, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    labels = torch.zeros(25, dtype=torch.long)
    assert most_equal(Split(pixels, labels), size=4) == 1
    pixels[[3, 17, 24]] = pixels[0].clone()
    assert most_equal(Split(pixels, labels), size=4) == 4
    assert most_equal(Split(torch.zeros(2, 5), labels[:2])) == 2
