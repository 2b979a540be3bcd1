from dataclasses import dataclass, field

import pytest
import torch

from hauberk.bounds import BackwardLinear, Interval
from hauberk.concepts.certificate import Verdict, Verifier
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError
from hauberk.threats import LinfBall
from hauberk.verification import ByBound, InOrder
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
