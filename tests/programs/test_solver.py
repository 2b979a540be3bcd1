"""The solver's multipliers, at any scale of the program."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from hauberk.programs.program import Expression, Program
from hauberk.programs.solver import Solver

SCALES = pytest.mark.parametrize("scale", [1e-200, 1e-12, 1e-9, 1.0, 1e9, 1e12, 1e200])


def program(coefficient, side, ends=(0.0, 1.0)):
    """Return coefficient * (x_0 + x_1) = side, with both variables between the ends."""
    found = Program()
    found.add(np.full(2, ends[0]), np.full(2, ends[1]))
    found.require(Expression(csr_array(np.full((1, 2), coefficient)), np.zeros(1)), "=", np.full(1, side))
    return found


@SCALES
def test_coefficients_of_any_size_are_heard(scale):
    found = Solver(program(scale, scale)).minimize(np.array([1.0, 2.0]))
    np.testing.assert_allclose(found.point, [1, 0], atol=1e-9)
    assert 1 - 1e-9 <= found.multipliers[0] * scale <= 2 + 1e-9


@SCALES
def test_variables_and_costs_of_any_size_are_heard(scale):
    found = Solver(program(1.0, scale, (0.0, scale))).minimize(np.array([3e-11, 2e-11]))
    np.testing.assert_allclose(found.point / scale, [0, 1], atol=1e-9)
    assert 2e-11 * (1 - 1e-9) <= found.multipliers[0] <= 3e-11 * (1 + 1e-9)


@SCALES
def test_a_ray_shows_that_nothing_is_between_other_ends(scale):
    solver = Solver(program(scale, scale))
    solver.minimize(np.array([1.0, 2.0]))
    found = solver.minimize(np.array([1.0, 2.0]), (np.zeros(2), np.full(2, 0.25)))
    assert found.point is None
    # Either sign: y * side lies outside what y * coefficient * (x_0 + x_1) can be.
    ray = found.multipliers[0] * scale
    assert max(ray - max(0, 0.5 * ray), -ray - max(0, -0.5 * ray)) > 0


def test_a_program_is_solved_anew_after_other_ends():
    solver, cost = Solver(program(1.0, 1.0)), np.array([1.0, 2.0])
    narrow = solver.minimize(cost, (np.zeros(2), np.array([0.25, 1.0])))
    np.testing.assert_allclose(narrow.point, [0.25, 0.75], atol=1e-9)
    np.testing.assert_allclose(solver.minimize(cost).point, [1, 0], atol=1e-9)
