"""Bounds by counts against the beta distribution, their coverage, and votes that are too close to call."""

import math

import numpy as np
import pytest
import torch
from scipy import stats

from hauberk.errors import InputError
from hauberk.sampling.binomial import failures_at_most, leader, share_at_least
from hauberk.smoothing import Gaussian


def bound(hits, samples, alpha=0.001):
    return share_at_least(torch.tensor(hits), samples, alpha).numpy()


@pytest.mark.parametrize("alpha", [1e-10, 0.001, 0.05, 0.5, 0.999])
@pytest.mark.parametrize("samples", [1, 2, 10, 100, 1000, 100_000])
def test_the_bound_is_the_quantile_of_the_beta_distribution(samples, alpha):
    hits = np.unique(np.linspace(1, samples, 50).astype(int))
    expected = stats.beta.ppf(alpha, hits, samples - hits + 1)
    np.testing.assert_allclose(bound(hits, samples, alpha), expected, rtol=0, atol=1e-12)
    assert bound([samples], samples, alpha)[0] == pytest.approx(alpha ** (1 / samples), abs=1e-12)
    assert bound([0], samples, alpha)[0] == 0


@pytest.mark.parametrize("alpha", [1e-320, 1e-300, 1e-100, 1e-30, 1e-3, 0.3, 1 - 2**-53])
def test_no_bound_is_larger_than_the_counts_prove_whatever_alpha(alpha):
    """Where the special functions give up there is no bound: never NaN, and never one that is too large."""
    for samples in (1, 10, 100, 10_000, 10_000_000):
        hits = np.unique(np.r_[np.linspace(0, samples, 40), samples - np.arange(min(samples, 20))].astype(int))
        found = bound(hits, samples, alpha)
        assert ((found >= 0) & (found <= 1)).all()
        chance = stats.binom.sf(hits - 1, samples, np.where(found > 0, found, 0.5))
        assert ((found == 0) | (chance <= alpha * 1.0011)).all()


@pytest.mark.parametrize("p", [0.5, 0.8, 0.99])
def test_the_bound_exceeds_the_probability_no_more_often_than_promised(p):
    drawn = np.random.default_rng(0).binomial(1000, p, 200_000)
    missed = (bound(np.arange(1001), 1000)[drawn] > p).mean()
    assert missed <= 0.0012
    wrong = stats.binom.pmf(np.arange(1001), 1000, p)[bound(np.arange(1001), 1000) > p].sum()
    assert 0.0002 < wrong <= 0.001


@pytest.mark.parametrize(
    ("sigma", "samples", "radius"), [(0.25, 1000, 0.6158), (0.1, 10_000, 0.3199), (0.25, 100_000, 0.9529)]
)
def test_a_unanimous_vote_proves_the_published_caps(sigma, samples, radius):
    share = share_at_least(torch.tensor([samples]), samples, 0.001)
    assert Gaussian(sigma).radius(share).item() == pytest.approx(radius, abs=5e-5)


@pytest.mark.parametrize("votes", [37, 100, 101])
@pytest.mark.parametrize("alpha", [0.001, 0.05])
def test_the_leader_is_sure_where_the_two_sided_test_says_so(votes, alpha):
    first = torch.arange(votes + 1)
    label, sure = leader(torch.stack([votes - first, first, torch.zeros_like(first)], 1), alpha)
    expected = [stats.binomtest(k, votes).pvalue <= alpha for k in first.tolist()]
    assert sure.tolist() == expected
    assert torch.equal(label[sure], (2 * first > votes).long()[sure])


def test_of_100_votes_for_two_classes_67_are_needed():
    assert leader(torch.tensor([[66, 34], [67, 33], [34, 66], [33, 67]]), 0.001)[1].tolist() == [False, True] * 2


def test_only_the_first_two_classes_are_compared_and_ties_are_never_sure():
    votes = torch.tensor([[40, 5, 55], [80, 10, 10], [50, 50, 0], [0, 0, 0], [1, 0, 0], [10, 0, 0], [11, 0, 0]])
    label, sure = leader(votes, 0.001)
    assert sure.tolist() == [False, True, False, False, False, False, True]
    assert label.tolist()[:2] == [2, 0]
    assert leader(votes, 0.999)[1].tolist() == [True, True, False, False, False, True, True]


def test_one_class_must_win_against_no_vote_at_all():
    assert leader(torch.tensor([[10], [11], [0]]), 0.001)[1].tolist() == [False, True, False]


@pytest.mark.parametrize("shares", [(0.4, 0.35, 0.25), (0.34, 0.33, 0.33), (0.5, 0.5)])
def test_a_wrong_leader_is_sure_no_more_often_than_promised(shares):
    drawn = np.random.default_rng(1).multinomial(60, shares, 20_000)
    label, sure = leader(torch.from_numpy(drawn), 0.05)
    wrong = int((sure & (label != 0)).sum())
    assert wrong <= stats.binom.isf(1e-7, 20_000, 0.05)


@pytest.mark.parametrize(
    ("examples", "alpha", "rho"), [(1000, 0.001, 0.01), (500, 0.05, 1e-6), (1, 0.5, 0.5), (0, 0.1, 0.1)]
)
def test_failures_exceed_their_number_with_the_stated_probability_and_no_smaller_number_does(examples, alpha, rho):
    found = failures_at_most(examples, alpha, rho)
    assert stats.binom.sf(found, examples, alpha) <= rho
    assert found == 0 or stats.binom.sf(found - 1, examples, alpha) > rho


@pytest.mark.parametrize("alpha", [0.0, 1.0, -0.1, math.nan, math.inf])
def test_what_is_no_probability_of_failure_is_refused(alpha):
    for arguments in ((10, alpha, 0.5), (10, 0.5, alpha)):
        with pytest.raises(InputError, match=str(alpha)):
            failures_at_most(*arguments)
    with pytest.raises(InputError, match="-3"):
        failures_at_most(-3, 0.1, 0.1)
