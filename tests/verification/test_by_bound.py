"""Verification by bounds: in double precision, and by bounds that may fail."""

from dataclasses import dataclass, field, replace

import pytest
import torch

from hauberk.bounds import BackwardLinear, HighProbability, Interval
from hauberk.concepts.box import Box
from hauberk.concepts.certificate import Verifier
from hauberk.concepts.noise import Noise
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError
from hauberk.threats import LinfBall
from hauberk.verification import ByBound, InOrder, LargestRadius, ModelCascade
from laws.networks import BUILDERS, CLASSES, images, network

B = 6


def problem(name="residual", seed=0, eps=0.03, dtype=torch.float32):
    graph, x = network(name, seed, dtype=dtype), images(B, seed, dtype)
    spec = LinearSpec.margins(graph(x).argmax(1), CLASSES, dtype)
    return NetworkSubject(graph.module, graph), LinfBall(eps).at(x), spec


@pytest.mark.parametrize("name", BUILDERS)
def test_double_precision_bounds_the_network_with_the_same_parameters(name):
    subject, S, spec = problem(name)
    found = ByBound(BackwardLinear(), float64=True)(subject, S, spec)
    double = network(name, 1)
    double.module.load_state_dict(subject.module.state_dict())
    exact = BackwardLinear()(double.frozen(), S.to(torch.float64), spec.to(torch.float64)).lower
    assert found.lower.dtype == torch.float64
    torch.testing.assert_close(found.lower, exact.detach(), rtol=0, atol=1e-12)
    single = ByBound(BackwardLinear())(subject, S, spec)
    if name != "max pooled":  # where either precision may relax another input
        assert (found.lower > single.lower).all()
    assert next(subject.module.parameters()).dtype == torch.float32
    assert (found.confidence == 1).all()


def test_an_empty_set_is_refused_by_its_example():
    subject, S, spec = problem("dense")
    negative = replace(S, box=Box(S.box.lower + 1, S.box.upper))
    with pytest.raises(InputError, match="example 0 of the batch is empty"):
        ByBound(Interval())(subject, negative, spec)


def test_the_arithmetic_says_what_is_proven():
    texts = {
        (dtype, wide): ByBound(Interval(), float64=wide)(*problem("dense", dtype=dtype)).arithmetic
        for dtype in (torch.float32, torch.float64)
        for wide in (False, True)
    }
    assert all("exact arithmetic" not in texts[key] for key in texts if key != (torch.float32, True))
    assert "not as it runs in float32" in texts[torch.float32, True]
    assert [texts[key].split(",")[0] for key in texts] == ["float32 without TF32", "float64", "float64", "float64"]
    likely = ByBound(HighProbability(100))(*problem("dense")).arithmetic
    assert "random projections" in likely
    assert "not as it runs in float32" in likely


def test_what_overflows_as_it_runs_is_not_proven_in_double_precision():
    subject, S, spec = problem("dense", eps=0.0)
    assert ByBound(Interval(), float64=True)(subject, S, spec).verified.all()
    with torch.no_grad():
        for index in (1, 3, 5):
            subject.module[index].weight.mul_(1e19)
            subject.module[index].bias.zero_()
    found = ByBound(Interval(), float64=True)(subject, S, spec)
    assert not found.verified.any()
    assert (found.lower == -torch.inf).all()


def test_bounds_that_may_fail_make_certificates_of_that_confidence():
    subject, S, spec = problem()
    bounder = HighProbability(300, 0.02)
    for one in (bounder, BackwardLinear(bounder)):
        found = ByBound(one)(subject, S, spec)
        assert found.confidence.tolist() == pytest.approx([0.98] * B)
        assert found.lower.dtype == torch.float64
        assert found.verified.any()
        assert not found.settled.any()
    seeds = [ByBound(bounder, seed=seed)(subject, S, spec).lower for seed in (0, 0, 1)]
    assert torch.equal(seeds[0], seeds[1])
    assert not torch.equal(seeds[0], seeds[2])
    wide = S.to(torch.float64), spec.to(torch.float64)
    again = bounder(subject.graph.frozen(torch.float64), *wide, noise=Noise.of(1, torch.arange(B))).lower
    torch.testing.assert_close(again.detach(), seeds[2], rtol=0, atol=1e-12)


def test_in_order_sure_proofs_stay_sure_and_likely_ones_do_not_become_so():
    subject, S, spec = problem(seed=1, eps=torch.tensor([0.0, 0.01, 0.03, 0.05, 0.1, 0.3]))
    verifiers = [ByBound(Interval()), ByBound(HighProbability(300, 0.02)), ByBound(HighProbability(300, 0.03), seed=1)]
    sure = verifiers[0](subject, S, spec).verified
    found = InOrder(verifiers)(subject, S, spec)
    assert 0 < sure.sum() < found.verified.sum() < B
    assert (found.confidence[sure] == 1).all()
    once, twice = torch.tensor(0.98).double(), torch.tensor(0.95).double()
    expected = torch.where(verifiers[1](subject, S, spec).verified, once, twice)
    torch.testing.assert_close(found.confidence[~sure], expected[~sure])


@dataclass(frozen=True)
class Late(Verifier):
    """Proves nothing of the first stage that it is asked about."""

    verifier: Verifier
    name: str = "late"
    asked: list[int] = field(default_factory=list)

    def __call__(self, subject, S, spec):
        found = self.verifier(subject, S, spec)
        self.asked.append(len(S.start))
        return found if len(self.asked) > 1 else replace(found, verdict=torch.zeros_like(found.verdict))


def test_in_a_cascade_the_failures_of_the_stages_asked_add_up():
    subject, S, _ = problem()
    likely = ByBound(HighProbability(300, 0.02))
    for verifier, confidence in ((likely, 0.98), (Late(likely), 0.96), (Late(ByBound(BackwardLinear())), 1.0)):
        answer = ModelCascade([subject.graph] * 2, LinfBall(0.03), verifier).answer(S.start)
        proven = answer.label >= 0
        assert proven.any()
        assert answer.certificate.confidence[proven].tolist() == pytest.approx([confidence] * int(proven.sum()))


def test_a_search_with_bounds_that_may_fail_is_refused():
    with pytest.raises(InputError, match="may fail"):
        LargestRadius(BackwardLinear(HighProbability()))
    assert LargestRadius(BackwardLinear()).bounder.failure == 0
