"""The share by which a sum may be off, in exact arithmetic."""

import math
from fractions import Fraction

import pytest
import torch

from hauberk.concepts.rounding import rounding_factor


@pytest.mark.parametrize(("dtype", "unit"), [(torch.float32, Fraction(1, 2**24)), (torch.float64, Fraction(1, 2**53))])
@pytest.mark.parametrize("count", [1, 7, 784, 10**6])
def test_n_roundings_are_allowed_n_units_over_one_minus_twice_as_many(dtype, unit, count):
    exact = count * unit / (1 - 2 * count * unit)
    assert rounding_factor(count, dtype) == pytest.approx(float(exact), rel=1e-14)


def test_nothing_is_known_of_sums_so_long_that_all_digits_may_be_lost():
    assert rounding_factor(2**23 - 1, torch.float32) == pytest.approx((2**23 - 1) / 2, rel=1e-12)
    assert rounding_factor(2**23, torch.float32) == math.inf
    assert rounding_factor(0, torch.float32) == 0


def test_a_sum_and_its_computed_absolute_terms_are_never_off_by_more():
    """Terms of one sign and size, added one after the other, gather their roundings."""
    for count in (10, 1000, 30_000):
        terms = torch.rand(count, generator=torch.Generator().manual_seed(count)) + 1
        found = terms.cumsum(0)[-1].double()
        sequential = torch.zeros(())
        for term in terms[:1000]:
            sequential = sequential + term
        exact, short = terms.double().sum(), terms[:1000].double().sum()
        assert (found - exact).abs() <= rounding_factor(count, torch.float32) * found
        assert (sequential - short).abs() <= rounding_factor(min(count, 1000), torch.float32) * sequential
