"""Bounds of norms that may fail: published numbers, and how often they do fail."""

import math

import pytest
import torch
from scipy import stats

from hauberk.concepts.noise import Noise
from hauberk.propagation.norm_bounds import inflation, l1_bound, l2_bound, rate
from hauberk.propagation.projections import cauchy

DTYPE = torch.float64
ROWS, DRAWS = 200, 10_000


def number(value):
    return torch.tensor(value, dtype=DTYPE)


def tail(e):
    """The bound of P(geometric mean / (1 - e) <= norm) for 200 rows."""
    return (-ROWS * rate(1 / (1 - number(e)))).exp().item()


def test_the_published_example():
    level = (0.01 / 6572) ** 0.1
    assert level == pytest.approx(0.2620, abs=1e-4)
    assert tail(0.22) == pytest.approx(0.08278, abs=1e-4)
    assert 1 - 1 / inflation(-number(level).log() / ROWS).item() == pytest.approx(0.16640, abs=1e-4)


def test_the_rate_is_the_best_of_chernoffs_bounds():
    t = torch.linspace(0, 1, 200_001, dtype=DTYPE)[1:-1]
    for e in (0.05, 0.22, 0.9):
        exponents = -t * math.log(1 - e) + (torch.pi * t / 2).cos().log()
        assert rate(1 / (1 - number(e))).item() == pytest.approx(exponents.max().item(), rel=1e-8)


def test_the_inflation_is_the_smallest_factor_with_that_rate():
    exponents = torch.logspace(-12, 2, 60, dtype=DTYPE)
    factors = inflation(exponents)
    torch.testing.assert_close(rate(factors), exponents, rtol=1e-3, atol=0)
    precise = exponents > 1e-4
    torch.testing.assert_close(rate(factors)[precise], exponents[precise], rtol=1e-10, atol=0)
    assert (factors.diff() > 0).all()
    assert inflation(number(0.0)).item() == pytest.approx(1, abs=1e-12)


def test_geometric_means_fall_short_as_often_as_published_and_more_rarely_than_promised():
    logs = cauchy(Noise.of(2, torch.arange(1)), (DRAWS, ROWS), DTYPE)[0].abs().log()
    for e, published in ((0.05, 0.32), (0.10, 0.17), (0.166, 0.051), (0.22, 0.013)):
        short = (logs.mean(1).exp() / (1 - e) < 1).double().mean().item()
        assert short == pytest.approx(published, abs=0.015)
        assert short < tail(e)
    promised = number([0.5, 0.1, 0.01])
    sums = logs.sum(1)[:, None].expand(-1, len(promised))
    found = (l1_bound(sums, ROWS, promised.expand_as(sums)) < 1).double().mean(0)
    assert (found < promised).all()
    assert found[1] > 0


@pytest.mark.parametrize("rows", [1, 3, ROWS])
def test_norms_from_squares_fail_exactly_as_often_as_promised(rows):
    promised = number([0.5, 0.1, 0.01, 1e-9])
    squares = torch.as_tensor(stats.chi2.rvs(rows, size=(DRAWS, 1), random_state=0)).expand(-1, len(promised))
    found = (l2_bound(9.0 * squares, rows, promised.expand_as(squares)) < 3).double().mean(0)
    deviation = (promised * (1 - promised) / DRAWS).sqrt()
    assert ((found - promised).abs() < 4 * deviation + 1e-9).all()


def test_a_norm_of_zero_has_the_bound_zero():
    one = number([0.1])
    assert l1_bound(number([-math.inf]), 10, one).item() == 0
    assert l2_bound(number([0.0]), 10, one).item() == 0
