import warnings

import pytest
import torch
from torch import nn

from hauberk.bounds import BackwardLinear, Interval
from hauberk.capture import capture
from hauberk.concepts.certificate import Certificate, Verdict
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError, PartWarning, UnsupportedOpError
from hauberk.threats import LinfBall
from hauberk.verification import ByBound, InOrder, LipschitzMargin, MixedInteger, Portfolio

pytestmark = pytest.mark.usefixtures("unchecked")  # a check of annotations calls torch, and swallows what that raises

STAGES = [ByBound(Interval(), "interval"), ByBound(BackwardLinear(), "CROWN"), MixedInteger(BackwardLinear(), 5)]


@pytest.fixture
def problem():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(4, 12), nn.ReLU(), nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, 3)).eval()
    for layer in network[::2]:
        nn.init.normal_(layer.bias, std=0.5)
    x = torch.rand(24, 4)
    y = network(x).argmax(1)
    eps = torch.linspace(0.01, 0.8, 24)
    return NetworkSubject(network, capture(network, x)), LinfBall(eps).at(x), LinearSpec.margins(y, 3)


def test_with_time_enough_it_decides_what_its_verifiers_decide_in_order(problem):
    found, expected = Portfolio(STAGES, 120)(*problem), InOrder(STAGES)(*problem)
    assert torch.equal(found.verdict, expected.verdict)
    torch.testing.assert_close(found.lower, expected.lower)
    assert {Verdict.VERIFIED, Verdict.FALSIFIED} <= set(found.verdict.tolist())


def test_without_time_nothing_is_proven_and_all_are_timeouts(problem):
    found = Portfolio(STAGES, 1e-9)(*problem)
    assert (found.verdict == Verdict.TIMEOUT).all()
    assert (found.lower == -torch.inf).all()


def test_what_was_proven_before_the_time_ran_out_stays(problem):
    class Slow(ByBound):
        def __call__(self, subject, S, spec):
            while True:
                torch.ones(1)

    found = Portfolio([STAGES[0], Slow(BackwardLinear(), "slow")], 2)(*problem)
    first = STAGES[0](*problem)
    assert first.verified.any()
    assert torch.equal(found.verified, first.verified)
    assert (found.verdict[~first.verified] == Verdict.TIMEOUT).all()


def test_a_verifier_that_does_not_apply_is_left_out_by_name(problem):
    with pytest.warns(PartWarning, match="Lipschitz margin"):
        found = Portfolio([LipschitzMargin(), STAGES[1]], 60)(*problem)
    assert torch.equal(found.verified, STAGES[1](*problem).verified)
    assert not (found.verdict == Verdict.TIMEOUT).any()


def test_if_none_applies_the_reason_is_raised(problem):
    with warnings.catch_warnings(), pytest.raises(UnsupportedOpError, match="LipschitzMargin"):
        Portfolio([LipschitzMargin()], 60)(*problem)


def test_no_verifier_is_refused():
    with pytest.raises(InputError, match="at least one verifier"):
        Portfolio([], 1)


def test_what_fails_unperturbed_is_falsified_at_once_by_that_point(problem):
    subject, S, spec = problem
    wrong = LinearSpec.margins((spec.labels() + 1) % 3, 3)
    found = Portfolio(STAGES, 1e-9)(subject, S, wrong)
    assert (found.verdict == Verdict.FALSIFIED).all()
    assert torch.equal(found.counterexamples, S.start)


def test_a_verifier_that_needs_no_graph_judges_a_network_without_one(problem):
    class Oracle(ByBound):
        def __call__(self, subject, S, spec):
            return Certificate.from_lower(torch.ones_like(spec.offset), subject.kind, "")

    subject, S, spec = problem
    bare = NetworkSubject(subject.module, UnsupportedOpError("it cannot be captured."))
    with pytest.warns(PartWarning, match="cannot be captured"):
        found = Portfolio([ByBound(BackwardLinear(), "CROWN"), Oracle(Interval(), "oracle")], 60)(bare, S, spec)
    assert found.verified.all()
