"""Bounds from any multipliers, against exact minima in rational arithmetic."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from torch import nn

from hauberk.bounds import Interval
from hauberk.capture import capture
from hauberk.programs.affine_maps import affine_maps
from hauberk.programs.encoding import Encoding
from hauberk.programs.solver import Solver
from hauberk.programs.weak_duality import WeakDuality
from hauberk.threats import LinfBall
from laws.exact import least

DTYPE = torch.float64
ROW = np.array([1.0, -1.0])
seeds = pytest.mark.parametrize("seed", range(4))


def problem(seed, eps=0.3):
    """Return a random network's encoding and the exact minimum of the row over its box."""
    generator = torch.Generator().manual_seed(seed)
    module = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 2)).to(DTYPE)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=DTYPE))
    x = torch.rand(1, 2, generator=generator, dtype=DTYPE)
    graph, S = capture(module, torch.zeros(2, 2, dtype=DTYPE)).frozen(), LinfBall(eps, None).at(x)
    encoding = Encoding(graph, affine_maps(graph, x), S, Interval().boxes(graph, S))
    return encoding, least(module, S.box, torch.from_numpy(ROW), 0.0)


@seeds
@pytest.mark.parametrize("size", [0.0, 1e-3, 1.0, 1e3, 1e200])
def test_a_bound_from_any_multipliers_lies_below_the_exact_minimum(seed, size):
    encoding, exact = problem(seed)
    duality, random = WeakDuality(encoding), np.random.default_rng(seed)
    for _ in range(5):
        y = size * random.normal(size=encoding.program.constraints)
        found = duality.bound(ROW, 0.0, y, encoding.program.ends)
        assert found == -np.inf or Fraction(found) <= exact
        assert not duality.empty(y, encoding.program.ends)


@seeds
def test_the_solvers_multipliers_give_the_optimum_to_a_few_roundings(seed):
    encoding, exact = problem(seed, eps=1e-9)  # no hinge turns, so that the program is exact
    solution = Solver(encoding.program).minimize(encoding.cost(ROW))
    found = WeakDuality(encoding).bound(ROW, 0.0, solution.multipliers, encoding.program.ends)
    assert Fraction(found) < exact
    assert float(exact) - found < 1e-12


def test_errors_of_coefficients_are_paid_for_with_the_multipliers():
    encoding, _exact = problem(0)
    y = np.random.default_rng(0).normal(size=encoding.program.constraints)
    plain = WeakDuality(encoding).bound(ROW, 0.0, y, encoding.program.ends)
    encoding.program.slack[:] = [slack + 0.25 for slack in encoding.program.slack]
    found = WeakDuality(encoding).bound(ROW, 0.0, y, encoding.program.ends)
    assert found <= plain - 0.25 * np.abs(y[: len(encoding.program.slack[0])]).sum()


def test_multipliers_that_are_no_numbers_prove_nothing():
    encoding, _exact = problem(0)
    y = np.full(encoding.program.constraints, np.nan)
    assert WeakDuality(encoding).bound(ROW, 0.0, y, encoding.program.ends) == -np.inf
    assert not WeakDuality(encoding).empty(y, encoding.program.ends)


@seeds
def test_a_region_in_which_nothing_lies_is_shown_empty_by_the_solvers_ray(seed):
    encoding, _exact = problem(seed, eps=3.0)
    lower, upper = (end.copy() for end in encoding.program.ends)
    split = encoding.splits[2]
    # Beyond a hinge that the input, now kept to where the argument is least, does not reach.
    row = split.argument.coefficients.toarray()[0]
    inputs = slice(0, len(row))
    corner = np.where(row > 0, lower[inputs], upper[inputs])
    lower[inputs] = upper[inputs] = corner
    lower[split.shares[0, 0]] = 1.0
    solution = Solver(encoding.program).minimize(encoding.cost(ROW), (lower, upper))
    assert solution.point is None
    assert WeakDuality(encoding).empty(solution.multipliers, (lower, upper))
