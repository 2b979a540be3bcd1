"""Exact verification: against dense grids, and what it says where it cannot decide."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pytest
import torch
from torch import nn

from hauberk.bounds import BackwardLinear, Interval
from hauberk.capture import capture
from hauberk.concepts.certificate import Verdict
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject, Subject
from hauberk.errors import UnsupportedOpError, UnsupportedSetError
from hauberk.programs.execution_error import execution_error
from hauberk.programs.solver import Solution, Solver
from hauberk.threats import LinfBall
from hauberk.threats.linf_ball import LinfSet
from hauberk.verification import MixedInteger
from laws import networks

DTYPE = torch.float64
B, EPS, SIDE = 6, 0.4, 201


@lru_cache
def plane():
    layers = [nn.Linear(2, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 2)]
    return capture(nn.Sequential(*layers).to(DTYPE), torch.zeros(2, 2, dtype=DTYPE))


def problem(seed, eps=EPS):
    graph = plane()
    networks.randomize(graph.module, torch.Generator().manual_seed(seed), 1.4)
    x = torch.randn(B, 2, generator=torch.Generator().manual_seed(seed), dtype=DTYPE)
    S = LinfBall(eps, None).at(x)
    return NetworkSubject(graph.module, graph), S, LinearSpec.margins(graph(x).argmax(1), 2, DTYPE)


def grid(S):
    """Return a dense grid over every square, corners included."""
    share = torch.linspace(0, 1, SIDE, dtype=DTYPE)
    return torch.lerp(S.box.lower[:, None], S.box.upper[:, None], torch.cartesian_prod(share, share))


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("intermediate", [Interval(), BackwardLinear()], ids=["interval", "crown"])
def test_the_minimum_is_that_of_a_dense_grid(intermediate, seed):
    subject, S, spec = problem(seed)
    logits = subject.module(grid(S).flatten(0, 1)).view(B, SIDE * SIDE, 2)
    values = torch.einsum("bkc,bsc->bks", spec.rows, logits).amin(2)
    steepest = torch.einsum("oi,ij,jk->ok", *(layer.weight.abs() for layer in subject.module[::-2]))
    reach = (spec.rows.abs() @ steepest).sum(2) * EPS / (SIDE - 1)
    certificate = MixedInteger(intermediate, minimum=True)(subject, S, spec)
    assert (certificate.lower <= values).all()
    assert (values - certificate.lower <= reach + 1e-6).all()
    decided = torch.where((values > 0).all(1), Verdict.VERIFIED.value, Verdict.FALSIFIED.value)
    clear = (values.abs() > reach).all(1)
    assert clear.any()
    sign = MixedInteger(intermediate)(subject, S, spec)
    assert torch.equal(certificate.verdict[clear], decided[clear])
    assert torch.equal(sign.verdict[clear], decided[clear])
    assert (sign.lower <= values).all()


def test_both_verdicts_occur():
    verdicts = torch.cat([MixedInteger(Interval())(*problem(seed)).verdict for seed in range(8)])
    assert {Verdict.VERIFIED.value, Verdict.FALSIFIED.value} == set(verdicts.tolist())


def test_an_example_without_time_is_a_timeout_unless_its_boxes_prove_it():
    subject, S, spec = problem(0, 0.1)
    boxes = Interval()(subject.graph.frozen(), S, spec).lower
    certificate = MixedInteger(Interval(), seconds=1e-9)(subject, S, spec)
    proven = (boxes > 0).all(1)
    assert proven.any()
    assert not proven.all()
    assert torch.equal(certificate.verdict, torch.where(proven, Verdict.VERIFIED.value, Verdict.TIMEOUT.value))
    assert torch.equal(certificate.lower, boxes)


@pytest.mark.parametrize("number", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("where", ["rows", "offset"])
def test_numbers_that_are_not_finite_prove_nothing_and_are_not_searched(monkeypatch, number, where):
    subject, S, spec = problem(0)
    getattr(spec, where)[:] = number
    monkeypatch.setattr(Solver, "minimize", lambda *_: pytest.fail("the solver was asked"))
    certificate = MixedInteger(Interval())(subject, S, spec)
    assert (certificate.verdict == Verdict.UNKNOWN.value).all()
    assert not certificate.verified.any()


def test_a_point_at_which_one_row_of_two_fails_refutes():
    network = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3)).to(DTYPE)
    for layer in (network[0], network[2]):
        nn.init.eye_(layer.weight)
    network[0].bias.data, network[2].bias.data = torch.tensor([5.0, 5, 5], dtype=DTYPE), torch.zeros(3, dtype=DTYPE)
    network[2].bias.data[2] = -100
    x = torch.tensor([[0.1, 0.0]], dtype=DTYPE)
    subject, S = NetworkSubject(network, capture(network, x)), LinfBall(0.2, None).at(x)
    certificate = MixedInteger(Interval())(subject, S, LinearSpec.margins(torch.tensor([0]), 3, DTYPE))
    assert certificate.verdict.tolist() == [Verdict.FALSIFIED.value]
    assert network(certificate.counterexamples).argmax(1).tolist() == [1]


def test_a_search_for_a_sign_ends_before_the_minimum_is_known():
    """Proven where the bound suffices, refuted at the first failing point: neither is the minimum."""
    subject, S, spec = problem(3, 0.2)
    exact = MixedInteger(Interval(), minimum=True)(subject, S, spec)
    sign = MixedInteger(Interval())(subject, S, spec)
    assert torch.equal(sign.verdict, exact.verdict)
    assert (sign.lower <= exact.lower + 1e-6).all()
    assert (sign.lower < exact.lower - 1e-3).any()


def test_every_row_and_its_offset_are_bounded():
    subject, S, spec = problem(1)
    lower = MixedInteger(Interval(), minimum=True)(subject, S, spec).lower
    both = LinearSpec(torch.cat([spec.rows, -spec.rows], 1), torch.cat([spec.offset + 0.5, spec.offset], 1))
    found = MixedInteger(Interval(), minimum=True)(subject, S, both).lower
    torch.testing.assert_close(found[:, :1], lower + 0.5, rtol=0, atol=1e-6)
    assert (found[:, 1:] <= -spec.value(subject.module(S.start))).all()


def test_a_margin_of_zero_is_neither_proven_nor_refuted():
    subject, S, spec = problem(2)
    certificate = MixedInteger(Interval())(subject, S, LinearSpec(0 * spec.rows, spec.offset))
    assert (certificate.verdict == Verdict.UNKNOWN).all()
    assert (certificate.lower < 0).all()


@pytest.mark.parametrize("name", sorted(set(networks.BUILDERS) - {"smooth", "max pooled", "distances"}))
def test_the_execution_error_covers_what_float32_does(name):
    graph = networks.network(name, 4, dtype=torch.float32)
    exact = networks.network(name, 4)
    exact.module.load_state_dict(graph.module.state_dict())
    x = networks.images(64, 4, torch.float32)
    spec = LinearSpec.margins(networks.labels(64, 4), networks.CLASSES)
    wide = LinearSpec(spec.rows.double(), spec.offset.double())
    frozen = graph.frozen()
    with torch.no_grad():
        error = execution_error(frozen, Interval().boxes(frozen, LinfBall(0.0).at(x)), spec)
        difference = (spec.value(graph(x)) - wide.value(exact(x.double()))).abs()
    assert (difference <= error).all()
    assert (error < 1e-3).all()


def test_certificates_of_float32_networks_lie_below_their_execution():
    graph = networks.network("convolutional", 5, dtype=torch.float32)
    x = networks.images(4, 5, torch.float32)
    spec = LinearSpec.margins(graph(x).argmax(1), networks.CLASSES)
    certificate = MixedInteger(Interval(), minimum=True)(NetworkSubject(graph.module, graph), LinfBall(0.0).at(x), spec)
    assert (certificate.lower <= spec.value(graph(x))).all()
    torch.testing.assert_close(certificate.lower, spec.value(graph(x)).detach().double(), rtol=0, atol=1e-4)
    assert certificate.verified.all()
    assert "HiGHS" in certificate.arithmetic


def test_coefficients_that_a_solver_drops_are_not_lost():
    """1 - relu(w (sum x - n / 2)) * 6 / (n w), which is -2 where every input is 1."""
    n, w = 40, 9e-10
    module = nn.Sequential(nn.Linear(n, 1), nn.ReLU(), nn.Linear(1, 2)).to(DTYPE)
    with torch.no_grad():
        for parameter, value in zip(module.parameters(), (w, -n * w / 2, 0.0, 0.0), strict=True):
            parameter.fill_(value)
        module[2].weight[0], module[2].bias[0] = -6 / (n * w), 1.0
    x = torch.full((1, n), 0.5, dtype=DTYPE)
    subject, spec = NetworkSubject(module, capture(module, x)), LinearSpec.margins(torch.tensor([0]), 2, DTYPE)
    S = LinfBall(0.5).at(x)
    assert spec.value(module(torch.ones_like(x))).item() == pytest.approx(-2)
    assert MixedInteger(Interval())(subject, S, spec).verdict.item() == Verdict.FALSIFIED
    assert MixedInteger(Interval(), minimum=True)(subject, S, spec).lower.item() == pytest.approx(-2, abs=1e-9)


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("scale", [0.0, 1e-6, 1.0, 1e6, np.nan, np.inf])
def test_a_solver_that_lies_proves_nothing_false(monkeypatch, scale):
    """Any multipliers, any points, and empty regions that are not."""
    subject, S, spec = problem(3, 0.2)
    exact = MixedInteger(Interval(), minimum=True)(subject, S, spec).lower
    random = np.random.default_rng(0)

    def lie(self, cost, ends, seconds):
        lower, upper = ends
        point = lower + (upper - lower) * random.random(len(lower))
        return Solution(random.normal(size=self.program.constraints) * scale, point if random.random() < 0.5 else None)

    monkeypatch.setattr(Solver, "minimize", lie)
    for minimum in (True, False):
        certificate = MixedInteger(Interval(), 0.02, minimum=minimum)(subject, S, spec)
        assert (certificate.lower <= exact + 1e-9).all()
        assert not (certificate.verified & (exact < 0).any(1)).any()


@dataclass(frozen=True)
class TwoSet(LinfSet):
    p = 2.0


def test_what_it_cannot_speak_of_is_refused_by_name(monkeypatch):
    subject, S, spec = problem(0)

    class Oracle(Subject):
        kind = "oracle"

        def predict(self, x):
            return torch.zeros(len(x), dtype=torch.long)

    class Plain(PerturbationSet):
        start, radius = S.start, S.radius
        select = project = steepest_step = sample = contains = LinfSet.project

    with pytest.raises(UnsupportedOpError, match="oracle"):
        MixedInteger(Interval())(Oracle(), S, spec)
    with pytest.raises(UnsupportedSetError, match="Plain"):
        MixedInteger(Interval())(subject, Plain(), spec)
    with pytest.raises(UnsupportedSetError, match=r"TwoSet with p = 2"):
        MixedInteger(Interval())(subject, TwoSet(S.start, S.radius, S.box, S.within), spec)
    monkeypatch.setattr("hauberk.ops.relu.ReLU.pieces", None)
    with pytest.raises(UnsupportedOpError, match="ReLU"):
        MixedInteger(Interval())(subject, S, spec)
