"""Unions are bounded member by member."""

from dataclasses import dataclass

import pytest
import torch

from hauberk.bounds import BackwardLinear, HighProbability, Interval, Projected
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.noise import Noise
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError
from hauberk.threats import L1Ball, L2Ball, LinfBall, Union
from hauberk.verification import ByBound
from laws.networks import CLASSES, images, labels, network

B = 4
MEMBERS = LinfBall(0.1), L2Ball(0.3)
DRAWN = Noise.of(0, torch.arange(B))


def problem(name, seed):
    x, y = images(B, seed), labels(B, seed)
    return network(name, seed), x, LinearSpec.margins(y, CLASSES, torch.float64)


def test_intervals_of_members_are_never_looser_than_those_of_the_union_as_one_set():
    tighter = 0
    for name in ("dense", "residual", "smooth"):
        graph, x, spec = problem(name, 1)
        S, frozen = Union(list(MEMBERS)).at(x), graph.frozen()
        apart, one = Interval()(frozen, S, spec), Interval().bound(frozen, S, spec, outward=True, noise=None)
        assert (apart.lower >= one.lower - 1e-12).all()
        tighter += (apart.lower > one.lower + 1e-6).sum().item()
        for box, wide in zip(apart.boxes, one.boxes, strict=True):
            assert (box.lower >= wide.lower - 1e-12).all()
            assert (box.upper <= wide.upper + 1e-12).all()
    assert tighter > 0


@pytest.mark.parametrize("made", [lambda b: b, BackwardLinear], ids=["itself", "inside another"])
def test_members_share_the_probability_of_failure(made):
    graph, x, spec = problem("dense", 2)
    frozen = graph.frozen()
    whole, half = (made(HighProbability(100, failure)) for failure in (0.02, 0.01))
    found = whole(frozen, Union(list(MEMBERS)).at(x), spec, noise=DRAWN)
    apart = [half(frozen, member.at(x), spec, noise=DRAWN) for member in MEMBERS]
    assert torch.equal(found.lower, torch.minimum(*(each.lower for each in apart)))
    boxes = whole.boxes(frozen, Union(list(MEMBERS)).at(x), noise=DRAWN)
    assert all(torch.equal(box.upper, own.upper) for box, own in zip(boxes, found.boxes, strict=True))


def test_a_certificate_over_a_union_keeps_its_confidence():
    graph, x, spec = problem("dense", 2)
    subject, bounder = NetworkSubject(graph.module, graph), HighProbability(100, 0.02)
    assert ByBound(bounder)(subject, Union(list(MEMBERS)).at(x), spec).confidence.unique().tolist() == [0.98]


@dataclass(frozen=True)
class Doubtful(Bounder):
    """Intervals that may fail, of which they say no more."""

    failure: float = 0.01  # pyright: ignore[reportAssignmentType]

    def __call__(self, graph, S, spec, **options):
        return Interval()(graph, S, spec, **options)

    def boxes(self, graph, S, **options):
        return Interval().boxes(graph, S, **options)


def test_a_part_that_cannot_share_its_probability_of_failure_is_refused():
    graph, x, spec = problem("dense", 2)
    bounder = BackwardLinear(Doubtful())
    bounder(graph.frozen(), LinfBall(0.1).at(x), spec)
    with pytest.raises(InputError, match="cannot share its probability of failure among the 2 members"):
        bounder(graph.frozen(), Union(list(MEMBERS)).at(x), spec)


def test_gradients_are_those_of_the_worst_member_of_each_row():
    graph, x, spec = problem("convolutional", 3)
    weight = next(graph.module.parameters())
    found = BackwardLinear()(graph.frozen(), Union(list(MEMBERS)).at(x), spec, outward=False).lower
    apart = [BackwardLinear()(graph.frozen(), member.at(x), spec, outward=False).lower for member in MEMBERS]
    worst = torch.where(apart[0] < apart[1], *apart)
    assert 0 < (apart[0] < apart[1]).sum() < worst.numel()
    gradients = (torch.autograd.grad(lower.sum(), weight)[0] for lower in (found, worst))
    torch.testing.assert_close(*gradients, rtol=0, atol=1e-12)


def test_unions_of_unions_are_bounded_as_one_union_of_all():
    graph, x, spec = problem("dense", 4)
    first, second, third = LinfBall(0.05), L1Ball(0.7), L2Ball(0.3)
    nested, flat = Union([Union([first, second]), third]).at(x), Union([first, second, third]).at(x)
    assert len(nested.parts) == 3
    found = (BackwardLinear()(graph.frozen(), S, spec).lower for S in (nested, flat))
    assert torch.equal(*found)


def test_estimates_from_projections_are_made_of_each_member():
    graph, x, spec = problem("dense", 5)
    found = Projected(50)(graph.frozen(), Union(list(MEMBERS)).at(x), spec, noise=DRAWN).lower
    apart = [Projected(50)(graph.frozen(), member.at(x), spec, noise=DRAWN).lower for member in MEMBERS]
    assert torch.equal(found, torch.minimum(*apart))
