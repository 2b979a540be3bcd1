from dataclasses import dataclass, field

import pytest
import torch

from hauberk.bounds import BackwardLinear, Interval
from hauberk.concepts.certificate import Certificate, Verdict, Verifier
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError, PartWarning, UnsupportedSetError
from hauberk.threats import L2Ball, LinfBall
from hauberk.verification import ByBound, InOrder, MixedInteger
from laws.networks import CLASSES, images, network

B = 12


@dataclass
class Watched(Verifier):
    """Records which inputs its verifier was asked about."""

    inner: Verifier
    name: str = "watched"
    asked: list = field(default_factory=list)

    def __call__(self, subject, S, spec):
        self.asked.append(S.start)
        return self.inner(subject, S, spec)


def problem():
    graph = network("residual", 3)
    x = images(B, 3)
    S = LinfBall(torch.linspace(0.005, 0.4, B, dtype=x.dtype)).at(x)
    return NetworkSubject(graph.module, graph), S, LinearSpec.margins(graph(x).argmax(1), CLASSES, x.dtype)


def test_later_verifiers_see_only_what_is_left_and_the_answer_is_that_of_all_merged():
    subject, S, spec = problem()
    verifiers = [ByBound(Interval()), ByBound(BackwardLinear(Interval())), ByBound(BackwardLinear())]
    watched = [Watched(verifier) for verifier in verifiers]
    found = InOrder(watched)(subject, S, spec)
    alone = [verifier(subject, S, spec) for verifier in verifiers]
    counts = [len(one.asked[0]) for one in watched]
    assert B == counts[0] > counts[1] > counts[2] > 0
    left = torch.arange(B)
    for one, certificate in zip(watched, alone, strict=True):
        assert torch.equal(one.asked[0], S.start[left])
        left = left[~certificate.verified[left]]
    assert torch.equal(found.verified, alone[0].verified | alone[1].verified | alone[2].verified)
    everywhere = alone[0].merged(alone[1]).merged(alone[2])
    torch.testing.assert_close(found.lower[left], everywhere.lower[left], rtol=0, atol=1e-12)
    first = alone[0].verified
    assert torch.equal(found.lower[first], alone[0].lower[first])
    assert found.arithmetic == alone[0].arithmetic


def test_what_one_verifier_decides_is_not_asked_again():
    subject, S, spec = problem()

    @dataclass
    class Refuting(Verifier):
        name: str = "refuting"

        def __call__(self, subject, S, spec):
            certificate = ByBound(Interval())(subject, S, spec)
            certificate.verdict[:] = Verdict.FALSIFIED
            return certificate

    after = Watched(ByBound(Interval()))
    assert (InOrder([Refuting(), after])(subject, S, spec).verdict == Verdict.FALSIFIED).all()
    assert not after.asked


def test_an_order_of_nothing_is_refused():
    with pytest.raises(InputError, match="at least one verifier"):
        InOrder([])


@dataclass
class Claiming(Verifier):
    """Says of inputs above a bound that they are proven, with some confidence."""

    above: float
    confidence: float
    name: str = "claiming"

    def __call__(self, subject, S, spec):
        lower = (S.start.flatten(1)[:, :1] - self.above).expand_as(spec.offset)
        return Certificate.from_lower(lower, subject.kind, f"above {self.above}", self.confidence)


def test_failures_add_up_of_those_verifiers_that_an_example_reached():
    x = torch.tensor([0.9, 0.6, 0.3, 0.1], dtype=torch.float64).view(4, 1, 1, 1).expand(-1, 1, 4, 4)
    S, spec = LinfBall(0.01).at(x), LinearSpec.margins(torch.zeros(4, dtype=torch.long), CLASSES, x.dtype)
    graph = network("dense", 0)
    verifiers = [Claiming(0.8, 0.96), Claiming(0.5, 0.98), Claiming(0.2, 0.93)]
    found = InOrder(verifiers)(NetworkSubject(graph.module, graph), S, spec)
    assert found.verified.tolist() == [True, True, True, False]
    failures = (1 - found.confidence).tolist()
    assert failures == pytest.approx([0.04, 0.04 + 0.02, 0.04 + 0.02 + 0.07, 0.04 + 0.02 + 0.07])
    assert found.lower[:, 0].tolist() == pytest.approx([0.1, 0.1, 0.1, -0.1])
    assert found.arithmetic == "above 0.8; above 0.5; above 0.2"
    sure = InOrder([*verifiers[:2], Claiming(0.2, 1.0)])(NetworkSubject(graph.module, graph), S, spec)
    assert (1 - sure.confidence).tolist() == pytest.approx([0.04, 0.06, 0.0, 0.06])


def test_an_order_covers_what_one_of_its_verifiers_covers():
    @dataclass
    class Narrow(Claiming):
        def covers(self, graph):
            return False

    graph = network("dense", 0).frozen()
    wide, narrow = Claiming(0.5, 1.0), Narrow(0.5, 1.0)
    assert [InOrder(parts).covers(graph) for parts in ([wide, wide], [wide, narrow], [narrow, narrow])] == [
        True,
        True,
        False,
    ]


def test_verifiers_that_do_not_apply_are_left_out_by_name_and_the_rest_counts():
    graph, x = network("dense", 0), images(6, 0)
    subject = NetworkSubject(graph.module, graph)
    spec = LinearSpec.margins(graph(x).argmax(1), graph.classes, x.dtype)
    for order in ([ByBound(Interval()), MixedInteger(Interval())], [MixedInteger(Interval()), ByBound(Interval())]):
        with pytest.warns(PartWarning, match="mixed integer .* is left out: a linear program holds"):
            together = InOrder(order)(subject, L2Ball(5.0).at(x), spec)
        assert not together.verified.all()
        assert torch.equal(together.verified, ByBound(Interval())(subject, L2Ball(5.0).at(x), spec).verified)
    with pytest.raises(UnsupportedSetError, match="a linear program holds"):
        InOrder([MixedInteger(Interval())])(subject, L2Ball(5.0).at(x), spec)
