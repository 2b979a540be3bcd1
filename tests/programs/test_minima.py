"""What of a search is believed: less the execution's error, and what duality shows."""

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
from hauberk.programs.minima import Minima
from hauberk.programs.solver import Solution, Solver
from hauberk.threats import LinfBall

DTYPE = torch.float64
SHIFT = 2.0  # of the second logit
ROW, OFFSET = np.array([[1.0, -1.0]]), np.array([0.75])
LEAST = OFFSET[0] - SHIFT - 1


@lru_cache
def graph():
    module = nn.Sequential(nn.Linear(1, 2), nn.ReLU(), nn.Linear(2, 2)).to(DTYPE)
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[1.0], [-1.0]]))
        module[0].bias.zero_()
        module[2].weight.copy_(torch.tensor([[1.0, 0.0], [-1.0, 1.0]]))
        module[2].bias.copy_(torch.tensor([0.0, SHIFT]))
    return capture(module, torch.zeros(2, 1, dtype=DTYPE)).frozen()


def minima(error, failure=lambda point: None, seconds=10.0, shift=0.0):
    """Return the search over |x| <= 1 of 2 relu(x) - relu(-x) - SHIFT + OFFSET: its minimum is `LEAST`."""
    S = LinfBall(1.0, None).at(torch.zeros(1, 1, dtype=DTYPE))
    encoding = Encoding(graph(), affine_maps(graph(), S.start), S, Interval().boxes(graph(), S))
    return Minima(encoding, ROW, OFFSET + shift, np.array([error]), failure, seconds)


class Answering(Solver):
    """A solver with one answer to every question, which counts them."""

    def __init__(self, search, multipliers, point):
        search.solver, self.answer, self.asked = self, Solution(multipliers, point), 0

    def minimize(self, cost, ends, seconds):
        self.asked += 1
        return self.answer


@pytest.mark.parametrize("error", [0.0, 0.25, 40.0])
def test_a_minimum_is_lowered_by_the_error(error):
    found = minima(error).lower(0, sign=False)
    assert found == pytest.approx(LEAST - error, abs=1e-9)
    assert found < LEAST - error


@pytest.mark.parametrize("error", [0.125, 64.0])
@pytest.mark.parametrize("above", [1e-6, -1e-6])
def test_a_sign_is_proven_above_the_error_and_not_below_it(error, above):
    assert (minima(error, shift=error - LEAST + above).lower(0, sign=True) > 0) == (above > 0)


def test_a_point_at_which_the_network_fails_ends_the_search_and_refutes():
    asked = []

    def failing(point):
        asked.append(point.tolist())
        return torch.tensor([[0.5]])

    search = minima(0.125, failing)
    solver = Answering(search, np.zeros(search.encoding.program.constraints), np.full(5, 0.5))
    search.lower(0, sign=True)
    assert asked == [[0.5]], "the first variables are the input"
    assert solver.asked == 1
    assert search.verdict == Verdict.FALSIFIED


def test_multipliers_of_zero_prove_no_more_than_the_ends_of_the_variables():
    """Where only the hinges' signs are known, each is at its own worst: relu(x) at 0, relu(-x) at 1."""
    search = minima(0.0)
    solver = Answering(search, np.zeros(search.encoding.program.constraints), np.full(5, 0.5))
    assert search.lower(0, sign=False) == pytest.approx(LEAST, abs=1e-9)
    assert solver.asked <= 7, "two neurons have four regions, and no pair is parted twice"


def test_a_region_is_empty_only_if_a_ray_shows_it():
    search = minima(0.0)
    Answering(search, np.ones(search.encoding.program.constraints), None)
    assert search.lower(0, sign=False) == -math.inf
    assert search.verdict == Verdict.UNKNOWN


def test_without_time_or_an_answer_nothing_is_proven():
    late = minima(0.0, seconds=0.0)
    assert late.lower(0, sign=False) == -math.inf
    assert late.verdict == Verdict.TIMEOUT
    odd = minima(0.0)
    Answering(odd, None, None)
    assert odd.lower(0, sign=False) == -math.inf
    assert odd.verdict == Verdict.UNKNOWN
    empty = minima(0.0)
    empty.solver = None
    assert empty.lower(0, sign=True) == -math.inf
