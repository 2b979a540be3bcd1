from dataclasses import dataclass
from functools import partial

import pytest
import torch

from hauberk.attacks import PGD
from hauberk.bounds import BackwardLinear, Interval
from hauberk.concepts.bounder import Bounder, Bounds
from hauberk.concepts.certificate import Verdict
from hauberk.concepts.noise import Noise
from hauberk.concepts.slopes import Parallel
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError
from hauberk.losses import Margin
from hauberk.searches.largest_radius import Bracket
from hauberk.threats import L2Ball, LinfBall, Union
from hauberk.verification import ByBound, LargestRadius
from laws.networks import BUILDERS, CLASSES, images, network

B = 4
BOUNDERS = {
    "interval": Interval(),
    "CROWN-IBP": BackwardLinear(Interval()),
    "Fast-Lin": BackwardLinear(slopes=Parallel()),
}
bounders = pytest.mark.parametrize("bounder", BOUNDERS.values(), ids=BOUNDERS)


@dataclass
class Counting(Bounder):
    """Counts the examples that are bounded, and keeps derivatives back if told to."""

    inner: Bounder
    flat: bool = False
    examples: int = 0
    largest: int = 0

    def __call__(self, graph, S, spec, **options):
        self.examples += len(S.start)
        self.largest = max(self.largest, len(S.start))
        found = self.inner(graph, S, spec, **options)
        return Bounds(found.lower.detach(), found.boxes) if self.flat else found

    def boxes(self, graph, S, **options):
        return self.inner.boxes(graph, S, **options)


def problem(name, seed=1, scale=1.0, dtype=torch.float64):
    graph = network(name, seed, scale, dtype)
    x = images(B, seed, dtype)
    spec = LinearSpec.margins(graph(x).argmax(1), CLASSES, dtype)
    return NetworkSubject(graph.module, graph), x, spec


def proven(bounder, subject, radius, x, spec):
    return ByBound(bounder)(subject, LinfBall(radius).at(x), spec).verified


def bisected(held, start, tolerance, cap=1.0):
    """Return the largest radii that are held by doubling and halving alone, and how many examples were tried for it."""
    low, high = torch.zeros_like(start), start
    growing, examples = torch.ones(len(start), dtype=torch.bool), 0
    while (active := high - low > tolerance * high).any():
        middle = torch.where(growing, high, (low + high) / 2)
        good = held(middle)
        examples += int(active.sum())
        low = torch.where(active & good, middle, low)
        growing = growing & good & (high < cap)
        high = torch.where(growing, (2 * high).clamp(max=cap), torch.where(active & ~good, middle, high))
    return low, examples


@pytest.mark.parametrize(
    ("name", "bounder"),
    [(name, "CROWN-IBP") for name in BUILDERS] + [("convolutional", "interval"), ("convolutional", "Fast-Lin")],
)
def test_the_radius_is_proven_and_a_little_more_is_not(name, bounder):
    bounder = BOUNDERS[bounder]
    subject, x, spec = problem(name, scale=2.0)
    radius = LargestRadius(bounder)(subject, LinfBall(0.1), x, spec).radius
    assert ((radius > 0) & (radius < 1)).all()
    for share in (1, 0.3):
        assert proven(bounder, subject, radius * share, x, spec).all()
    assert not proven(bounder, subject, radius * 1.001, x, spec).any()


@bounders
def test_newton_agrees_with_bisection(bounder):
    subject, x, spec = problem("dense", 2, 2.0)
    radius = LargestRadius(bounder, tolerance=1e-7)(subject, LinfBall(0.1), x, spec).radius
    halved, _ = bisected(lambda r: proven(bounder, subject, r, x, spec), torch.full_like(radius, 0.1), 1e-7)
    torch.testing.assert_close(radius, halved, rtol=0, atol=1e-7)


@bounders
def test_newton_bounds_fewer_examples_than_bisection(bounder):
    subject, x, spec = problem("dense", 2, 2.0)
    counting = Counting(bounder)
    radius = LargestRadius(counting, tolerance=1e-4)(subject, LinfBall(0.1), x, spec).radius
    _, halvings = bisected(lambda r: r <= radius, torch.full_like(radius, 0.1), 1e-4)
    assert counting.examples < 0.8 * halvings


@pytest.mark.parametrize("eps", [1e-3, 0.1, 5.0])
def test_on_a_linear_network_the_radius_is_the_margin_over_the_dual_norm(eps):
    subject, x, spec = problem("linear")
    weight = subject.module[1].weight
    exact = (spec.value(subject.module(x)) / (spec.rows @ weight).abs().sum(2)).amin(1)
    radius = LargestRadius(Interval(), cap=100)(subject, LinfBall(eps, within=None), x, spec).radius
    assert (radius <= exact).all()
    assert (radius >= exact * (1 - 1e-4)).all()


def test_verdict_and_bounds_speak_of_the_threat_itself():
    subject, x, spec = problem("convolutional", scale=3.0)
    threat = LinfBall(0.05)
    found = LargestRadius(BackwardLinear())(subject, threat, x, spec)
    plain = ByBound(BackwardLinear())(subject, threat.at(x), spec)
    assert torch.equal(found.verdict, plain.verdict)
    torch.testing.assert_close(found.lower, plain.lower, rtol=0, atol=1e-12)
    assert (found.subject, found.arithmetic) == (plain.subject, plain.arithmetic)
    assert found.verified.any()
    assert not found.verified.all()
    assert torch.equal(found.verified, found.radius >= 0.05)
    assert not found.radius.requires_grad


def test_the_radius_is_zero_where_the_specification_fails_at_the_input_itself():
    subject, x, _ = problem("dense")
    y = (subject.module(x).argmax(1) + torch.arange(B) % 2) % CLASSES
    found = LargestRadius(Interval())(subject, LinfBall(0.1), x, LinearSpec.margins(y, CLASSES, x.dtype))
    assert torch.equal(found.radius > 0, torch.arange(B) % 2 == 0)
    assert (found.verdict[1::2] == Verdict.UNKNOWN).all()


def test_the_radius_is_zero_where_rounding_alone_defeats_the_proof():
    subject, x, spec = problem("dense")
    spec = LinearSpec(spec.rows, 1e-15 - spec.value(subject.graph.frozen()(x)).detach())
    assert (spec.value(subject.graph.frozen()(x)) > 0).all()
    assert (LargestRadius(Interval())(subject, LinfBall(0.1), x, spec).radius == 0).all()


def test_no_radius_exceeds_the_cap_or_the_threats_own():
    subject, x, _ = problem("linear")
    with torch.no_grad():
        subject.module[1].weight.mul_(1e-3)
        subject.module[1].bias.copy_(torch.arange(CLASSES))
    spec = LinearSpec.margins(torch.full((B,), CLASSES - 1), CLASSES, x.dtype)
    for eps, cap, expected in ((0.1, 1.0, 1.0), (0.3, 0.7, 0.7), (0.5, 0.2, 0.5)):
        radius = LargestRadius(Interval(), cap=cap)(subject, LinfBall(eps), x, spec).radius
        torch.testing.assert_close(radius, torch.full_like(radius, expected))


def test_a_bounder_without_a_derivative_is_searched_by_halving():
    subject, x, spec = problem("dense", scale=3.0)
    found = LargestRadius(Interval(), tolerance=1e-3)(subject, LinfBall(0.1), x, spec).radius
    halved = LargestRadius(Counting(Interval(), flat=True), tolerance=1e-3)(subject, LinfBall(0.1), x, spec).radius
    torch.testing.assert_close(halved, found, rtol=2e-3, atol=0)


def test_radii_depend_neither_on_pieces_nor_on_where_the_search_starts():
    subject, x, spec = problem("dense", scale=2.0)
    bounder = BOUNDERS["CROWN-IBP"]
    whole = LargestRadius(bounder)(subject, LinfBall(0.1), x, spec).radius
    counting = Counting(bounder)
    pieces = LargestRadius(counting, batch=2)(subject, LinfBall(0.1), x, spec).radius
    torch.testing.assert_close(pieces, whole, rtol=1e-9, atol=0)
    assert counting.largest == 2
    own = LinfBall(torch.linspace(0.01, 0.4, B, dtype=x.dtype))
    elsewhere = LargestRadius(bounder)(subject, own, x, spec).radius
    torch.testing.assert_close(elsewhere, whole, rtol=1e-4, atol=0)


@pytest.mark.parametrize("name", ["dense", "convolutional"])
def test_float32_radii_withstand_an_attack(name):
    subject, x, spec = problem(name, 4, 2.0, torch.float32)
    found = LargestRadius(BackwardLinear(), tolerance=1e-9)(subject, LinfBall(0.1), x, spec)
    y = subject.predict(x)
    S = LinfBall(found.radius).at(x)
    z = PGD(Margin(), steps=10, step=0.3)(subject.module, S, y, noise=Noise.of(0, torch.arange(B)))
    assert torch.equal(subject.predict(z), y)
    assert (found.radius > 0).any()


def test_weights_that_are_no_numbers_have_no_radius():
    subject, x, spec = problem("dense")
    for value in (torch.nan, torch.inf):
        with torch.no_grad():
            subject.module[3].weight[0, 0] = value
        assert (LargestRadius(BackwardLinear())(subject, LinfBall(0.1), x, spec).radius == 0).all()


def test_a_threat_of_no_radius_or_too_small_a_one_is_refused():
    subject, x, spec = problem("dense")
    for eps in (0.0, 1e-39, torch.arange(B, dtype=x.dtype) / 10):
        with pytest.raises(InputError, match="must be positive"):
            LargestRadius(Interval())(subject, LinfBall(eps), x, spec)


def test_newtons_proposals_are_trusted_within_the_bracket_and_half_the_last_step():
    number = partial(torch.tensor, dtype=torch.float64)
    proven, end = number([1.0, 1.0, 1.0, 1.0, 1.0, 1.0]), number([3.0, 3.0, 3.0, 3.0, 9.0, 3.0])
    bracket = Bracket(proven, end, torch.tensor([False, False, False, False, True, True]))
    newton = number([1.5, 1.5, 0.9, 3.1, 2.5, 3.5])
    factor, step = number([2.0] * 4 + [1.2, 1.2]), number([1.0, 0.9, 8.0, 8.0, 0.1, 8.0])
    # Half of the step, exactly; beyond half of it; below; above; more than doubled while growing; beyond the end.
    assert bracket.trusted(newton, factor, step).tolist() == [1.5, 2.0, 2.0, 2.0, 2.4, 2.4]
    fair = bracket.trusted(number([1.0] * 4 + [2.3, 2.3]), factor, step)
    assert fair.tolist() == [2.0] * 4 + [2.3, 2.3], "where it is growing no step is too long, up to twice the factor"


def test_a_bracket_narrows_from_the_side_that_was_tried():
    start = Bracket.start(torch.tensor([True, False]), torch.tensor([8.0, 8.0]))
    assert (start.proven.tolist(), start.end.tolist(), start.growing.tolist()) == ([1, 0], [8, 1], [True, False])
    bracket = Bracket(torch.ones(3), torch.full((3,), 4.0), torch.ones(3, dtype=torch.bool))
    tried, proven = torch.tensor([True, True, False]), torch.tensor([True, False, False])
    found = bracket.narrowed(torch.full((3,), 2.0), tried, proven)
    assert found.proven.tolist() == [2, 1, 1]
    assert found.end.tolist() == [4, 2, 4]
    assert found.growing.tolist() == [True, False, True]


def test_a_search_ends_when_its_bracket_is_narrow_or_close_to_zero():
    ends = torch.tensor([1.0, 1.0, 0.01, 0.02, 100.0, 100.0])
    proven = torch.tensor([0.985, 0.99, 0.0, 0.0, 98.0, 99.5])
    bracket = Bracket(proven, ends, torch.zeros(6, dtype=torch.bool))
    assert bracket.wide(0.0125).tolist() == [True, False, False, True, True, False]


def test_the_radius_of_a_union_is_that_of_its_weakest_member():
    subject, x, spec = problem("dense")
    members = LinfBall(0.05), L2Ball(0.142)
    found = LargestRadius(Interval(), cap=10.0)(subject, Union(list(members)), x, spec).radius / 0.142
    apart = [LargestRadius(Interval(), cap=10.0)(subject, m, x, spec).radius / m.eps for m in members]
    assert (apart[0] < apart[1]).any()
    assert (apart[0] > apart[1]).any()
    torch.testing.assert_close(found, torch.minimum(*apart), rtol=3e-4, atol=1e-6)
