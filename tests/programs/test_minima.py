"""What of an exact minimum is believed: less what the solver and the network's execution may be off."""

import math
from functools import lru_cache

import numpy as np
import pytest
import torch
from torch import nn

from hauberk.bounds import Interval
from hauberk.capture import capture
from hauberk.concepts.certificate import Verdict
from hauberk.programs.affine_maps import affine_maps
from hauberk.programs.encoding import Encoding
from hauberk.programs.minima import SLACK, STATUS, Minima
from hauberk.threats import LinfBall

DTYPE = torch.float64
SHIFT = 2.0  # of the second logit
ROW, OFFSET = np.array([[1.0, -1.0]]), np.array([0.75])


@lru_cache
def graph():
    module = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 2)).to(DTYPE)
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[1.0], [-1.0]]))
        module[0].bias.zero_()
        module[2].weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 1.0]]))
        module[2].bias.copy_(torch.tensor([0.0, SHIFT]))
    return capture(module, torch.zeros(2, 1, dtype=DTYPE)).frozen()


def minima(error, failure=lambda point: None, seconds=10.0):
    """Return the search over |x| <= 1 of 2 relu(x) - relu(-x) - SHIFT + OFFSET: its minimum is OFFSET - SHIFT - 1."""
    S = LinfBall(1.0, None).at(torch.zeros(1, 1, dtype=DTYPE))
    boxes = Interval().boxes(graph(), S)
    encoding = Encoding(graph(), affine_maps(graph(), S.start), S, boxes, integral=True)
    return Minima(encoding, ROW, OFFSET, np.array([error]), failure, seconds)


class Answering:
    """A solver with ready answers, which notes what it is asked."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), []

    def minimize(self, cost, seconds, *, below, above):
        self.asked.append((below, above))
        self.status, self.found, self.place = self.answers.pop(0)
        return self.status

    def bound(self):
        return self.found

    def point(self):
        return self.place


def answering(search, *answers):
    search.solver = Answering(*answers)
    return search.solver


@pytest.mark.parametrize("error", [0.0, 0.25, 40.0])
def test_a_minimum_is_lowered_by_the_error_and_the_solvers_tolerance(error):
    exact = OFFSET[0] - SHIFT - 1
    found = minima(error).lower(0, sign=False)
    assert found == pytest.approx(exact - SLACK * abs(exact) - error, abs=1e-9)
    assert found < exact - error


def test_tolerances_grow_with_the_bound_and_do_not_vanish_with_it():
    for value in (-500.0, 500.0, 0.25):
        search = minima(0.5)
        answering(search, (STATUS.kOptimal, value, None))
        constant = float(search.encoding.logits.constant @ ROW[0]) + OFFSET[0]
        bound = value + constant
        expected = bound - SLACK * max(1.0, abs(bound)) - 0.5
        assert search.lower(0, sign=False) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("error", [0.125, 64.0])
def test_a_sign_is_proven_above_the_error_and_refuted_below_it(error):
    search = minima(error)
    solver = answering(search, (STATUS.kObjectiveTarget, 3.0, None), (STATUS.kOptimal, 2.0, None))
    constant = float(search.encoding.logits.constant @ ROW[0]) + OFFSET[0]
    found = search.lower(0, sign=True)
    (below, above), (again, same) = solver.asked
    assert above == same == pytest.approx(error + 2 * SLACK * max(1.0, error) - constant, abs=1e-12)
    assert below == pytest.approx(-error - constant, abs=1e-12)
    assert again == -math.inf
    assert found == pytest.approx(3 + constant - SLACK * max(1.0, abs(3 + constant)) - error, abs=1e-12)
    # A bound that ends the search for a sign proves the row.
    bound = above + constant
    assert bound - SLACK * max(1.0, abs(bound)) - error > 0


def test_a_search_for_the_minimum_has_no_ends():
    search = minima(0.125)
    solver = answering(search, (STATUS.kOptimal, 3.0, None))
    search.lower(0, sign=False)
    assert solver.asked == [(-math.inf, math.inf)]


def test_a_point_at_which_the_network_fails_ends_the_search_and_refutes():
    asked = []

    def failing(point):
        asked.append(point.tolist())
        return torch.tensor([[0.5]])

    search = minima(0.125, failing)
    point = np.arange(5.0)
    solver = answering(search, (STATUS.kObjectiveTarget, -9.0, point))
    search.lower(0, sign=True)
    assert asked == [[0.0]], "the first variables are the input"
    assert len(solver.asked) == 1
    assert search.verdict == Verdict.FALSIFIED


def test_without_time_or_an_answer_nothing_is_proven():
    late = minima(0.0, seconds=0.0)
    assert late.lower(0, sign=False) == -math.inf
    assert late.verdict == Verdict.TIMEOUT
    cut = minima(0.0)
    answering(cut, (STATUS.kTimeLimit, 1.0, None))
    assert cut.lower(0, sign=False) == pytest.approx(1 + float(cut.encoding.logits.constant @ ROW[0]) + 0.75, abs=1e-6)
    assert cut.verdict == Verdict.TIMEOUT
    odd = minima(0.0)
    answering(odd, (STATUS.kInfeasible, 1.0, None))
    assert odd.lower(0, sign=False) == -math.inf
    assert odd.verdict == Verdict.UNKNOWN
    empty = minima(0.0)
    empty.solver = None
    assert empty.lower(0, sign=True) == -math.inf
