"""Exact intervals: closed forms, and coverage summed over every outcome."""

from functools import cache
from math import comb

import pytest

from hauberk.evaluation.statistics import interval, paired_interval, share


def test_without_a_failure_or_a_success_the_interval_is_known():
    assert interval(0, 50) == pytest.approx((0, 1 - 0.025 ** (1 / 50)))
    assert interval(50, 50) == pytest.approx((0.025 ** (1 / 50), 1))
    assert share(3, 4)["share"] == 0.75


def test_without_a_disagreement_the_interval_of_a_difference_is_known():
    reach = 1 - 0.0125 ** (1 / 50)
    assert paired_interval(0, 0, 50) == pytest.approx((-reach, reach))
    assert paired_interval(50, 0, 50) == pytest.approx((0.0125 ** (1 / 50) - reach, 1))


def test_the_interval_holds_the_difference_seen_and_turns_with_its_sign():
    low, high = paired_interval(30, 10, 1000)
    assert low < 0.02 < high
    assert paired_interval(10, 30, 1000) == pytest.approx((-high, -low))
    assert paired_interval(30, 10, 1000, 0.5)[0] > low


@pytest.mark.parametrize("shares", [(0.1, 0.1), (0.3, 0.05), (0.02, 0.6), (0.5, 0.5), (0, 0.2)])
def test_it_holds_the_true_difference_as_often_as_it_says(shares):
    trials, (first, second) = 14, shares
    known = cache(lambda a, b: paired_interval(a, b, trials, 0.9))
    covered = 0.0
    for a in range(trials + 1):
        for b in range(trials + 1 - a):
            low, high = known(a, b)
            chance = comb(trials, a) * comb(trials - a, b) * first**a * second**b
            chance *= max(0.0, 1 - first - second) ** (trials - a - b)
            covered += chance * (low <= first - second <= high)
    assert 0.9 <= covered <= 1 + 1e-9
