"""Bets on votes: worth what the formula says, fair in expectation, and rarely large at any time, exactly."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta, binom

from hauberk.sampling.betting import NEAR_ONE, NEAR_ZERO, SURE, above, capital

SPLITS = pytest.mark.parametrize("split", [NEAR_ONE, NEAR_ZERO])


def worth(hits, samples, m, split=NEAR_ONE):
    return capital(np.array(hits), np.array(samples), np.array(m), split)


def integrated(hits, samples, m, split):
    """Return the capital as it is defined: parts for every q above m at odds fair for m, the rest in the pocket."""
    a, b = split
    misses = samples - hits

    def part(u):  # u = (1 - q)^b takes the density's singularity away
        p = u ** (1 / b)
        return (1 - p) ** (a - 1) / b * ((1 - p) / m) ** hits * (p / (1 - m)) ** misses

    most = (1 - m) ** b
    bets = quad(part, 0, most, limit=500, epsabs=0, epsrel=1e-11)[0] / math.exp(
        math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    )
    sure = m**-hits if not misses else 0.0
    return (1 - SURE) * (bets + beta.cdf(m, a, b)) + SURE * sure


@SPLITS
@pytest.mark.parametrize(
    ("hits", "samples"), [(1, 1), (9, 10), (10, 10), (30, 40), (3, 20), (20, 20), (64, 64), (57, 100)]
)
@pytest.mark.parametrize("m", [0.02, 0.1, 0.3, 0.5, 0.9, 0.999])
def test_the_capital_is_the_integral_over_all_bets(hits, samples, m, split):
    found = worth(hits, samples, m, split)
    if hits <= m * samples:
        assert found == 0
    else:
        assert found == pytest.approx(math.log(integrated(hits, samples, m, split)), abs=1e-8)


def alive(p, alpha, last, m=None, split=NEAR_ONE):
    """Return the probability that the capital against m ever reaches 1/alpha, by exact sums over all paths of votes."""
    reached, chance = 0.0, np.ones(1)
    m = p if m is None else m
    for samples in range(1, last + 1):
        hits = np.arange(samples + 1)
        chance = np.r_[chance * (1 - p), 0] + np.r_[0, chance * p]
        large = worth(hits, samples, m, split) >= -math.log(alpha)
        reached += chance[large].sum()
        chance = np.where(large, 0, chance)
    return reached


@SPLITS
@pytest.mark.parametrize("p", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("alpha", [0.3, 0.05, 0.001])
def test_the_chance_of_ever_winning_is_at_most_alpha_over_all_times(p, alpha, split):
    chance = alive(p, alpha, 150, split=split)
    assert 0 < chance <= alpha
    assert alive(0.9 * p, alpha, 50, m=p, split=split) <= alive(p, alpha, 50, split=split)


def test_bets_are_not_idle():
    """The bound of all times would hold of a gambler who never bets: this one wins nearly as often as is allowed."""
    assert alive(0.5, 0.3, 300) > 0.3 / 3
    assert alive(0.9, 0.05, 300) > 0.05 / 4
    assert alive(0.9, 0.001, 300, m=0.5) > 0.99


@SPLITS
@pytest.mark.parametrize("m", [0.05, 0.5, 0.8, 0.99])
@pytest.mark.parametrize("samples", [1, 7, 40])
def test_what_is_won_costs_no_more_than_it_is_worth_on_average(m, samples, split):
    hits = np.arange(samples + 1)
    won = np.where(hits > m * samples, np.exp(worth(hits, samples, m, split)), 0)
    whole = [
        math.exp(worth(h, samples, m, split)) if h > m * samples else integrated(h, samples, m, split) for h in hits
    ]
    for p in (m, 0.9 * m, 0.3 * m):
        chance = binom.pmf(hits, samples, p)
        assert (won * chance).sum() <= (whole * chance).sum() <= 1 + 1e-9
    assert (whole * binom.pmf(hits, samples, m)).sum() == pytest.approx(1, abs=1e-8)


@SPLITS
def test_a_vote_more_leaves_the_capital_as_it_was_on_average(split):
    for samples, hits, m in ((10, 9, 0.5), (50, 40, 0.3), (200, 199, 0.9), (300, 300, 0.99)):
        now, hit, miss = (
            math.exp(worth(h, n, m, split)) for h, n in ((hits, samples), (hits + 1, samples + 1), (hits, samples + 1))
        )
        assert m * hit + (1 - m) * miss == pytest.approx(now, rel=1e-9)


@SPLITS
def test_the_capital_never_grows_with_the_probability_that_it_is_won_against(split):
    grid = np.r_[0, np.geomspace(1e-12, 0.5, 200), 1 - np.geomspace(0.5, 1e-12, 200)]
    for samples in (1, 2, 10, 64, 1000, 100_000):
        for hits in {1, samples // 2, samples - 1, samples} - {0}:
            found = worth(hits, samples, grid[grid < hits / samples], split)
            assert not np.isnan(found).any()
            assert (np.diff(found[np.isfinite(found)]) <= 1e-7).all()
            assert (worth(hits, samples, grid[grid >= hits / samples], split) == 0).all()


@SPLITS
def test_extreme_counts_and_probabilities_give_numbers(split):
    m = np.array([0.0, 1e-300, 1e-16, 0.5, 1 - 2**-53, 1.0])
    for hits, samples in ((0, 0), (0, 10**9), (10**9, 10**9), (10**9 - 1, 10**9), (1, 10**9), (1, 1), (0, 1)):
        assert not np.isnan(worth(hits, samples, m, split)).any()
    assert worth(3, 5, 0.0, split) == math.inf
    assert worth(5, 5, 1.0, split) == worth(0, 5, 0.0, split) == worth(0, 0, 0.5, split) == 0


def test_bounds_are_the_largest_probabilities_refuted():
    for alpha in (0.3, 0.001, 1e-30):
        hits, samples = (
            np.array([1, 5, 10, 64, 990, 99_990, 100_000]),
            np.array([10, 10, 10, 64, 1000, 100_000, 100_000]),
        )
        found = above(hits, samples, alpha)
        assert (worth(hits, samples, found) >= -math.log(alpha) - 1e-9).all()
        beyond = found + 1e-9 * (1 - found) + 1e-12
        assert (worth(hits, samples, beyond) < -math.log(alpha)).all()
        assert (found < hits / samples).all()


def test_no_vote_and_no_hit_prove_nothing():
    assert above(np.array([0, 0, 0]), np.array([0, 1, 1000]), 0.001).tolist() == [0, 0, 0]
    assert (above(np.array([1, 10]), np.array([1, 10]), 1e-300) < 1e-20).all()
    nearly = above(np.array([1, 10, 5]), np.array([1, 10, 10]), 1 - 2**-53)
    assert (nearly <= np.array([1, 1, 0.5])).all()


def test_a_bound_grows_with_hits_and_shrinks_with_misses_and_with_smaller_alpha():
    hits = np.arange(65)
    found = above(hits, np.full(65, 64), 0.01)
    assert (np.diff(found) > 0).all()
    assert (above(hits[1:], np.full(64, 65), 0.01) < found[1:]).all()
    assert (above(hits[1:], np.full(64, 64), 0.001) < found[1:]).all()
