"""Certification by as many votes as needed: its promise whenever it stops, and what it stops at."""

import math

import numpy as np
import pytest
import torch
from scipy.stats import binom
from torch import nn

from hauberk.concepts.specification import LinearSpec
from hauberk.errors import InputError
from hauberk.sampling.betting import above
from hauberk.sampling.smoothed_network import ESTIMATION, SELECTION, SmoothedNetwork, Smoothing
from hauberk.smoothing import Gaussian, Sequential, Uniform
from hauberk.smoothing.sequential import Race
from hauberk.threats import L1Ball, L2Ball
from simulated_votes import Simulated, Steady, simulated, steady
from step_counts import StepCounts

NOISE = Gaussian(1.0)
RADII = (0.0, 0.25, 0.5, 1.0)
ASKED = NOISE.share(torch.tensor(RADII, dtype=torch.float64)).tolist()
SHARES = torch.tensor(
    [
        *([0.5, 0.5, 0.0, 0.0], [0.4999, 0.3, 0.2001, 0.0], [0.9, 0.05, 0.03, 0.02], [0.9995, 0.0005, 0.0, 0.0]),
        *([share - 1e-4, 0.1, 0.9 - share + 1e-4, 0.0] for share in ASKED[1:]),
    ],
    dtype=torch.float64,
)
later = pytest.mark.product


def failures(by, p, top=1, seed=0):
    """Simulate certificates of known probabilities; return a mask of those that are wrong, and the answer."""
    answer = by.answer(simulated(seed=seed), p, top=top)
    truth = p.gather(1, answer.classes).sum(1)
    wrong = (answer.share >= truth) | (answer.radius > NOISE.radius(truth).clamp(min=0))
    return wrong | (top == 1) & (answer.label >= 0) & (truth <= 0.5), answer


@pytest.mark.parametrize("alpha", [0.05, pytest.param(0.001, marks=later)])
@pytest.mark.parametrize(("copies", "samples"), [(200, 500), pytest.param(3000, 2000, marks=later)])
@pytest.mark.parametrize(
    "rule",
    [
        {"radii": RADII, "doubt": 1e-12},
        {"gain": 1e-9},
        pytest.param({"radii": RADII}, marks=later),
        pytest.param({"radii": RADII[2:3], "doubt": 1e-12}, marks=later),
        pytest.param({}, marks=later),
    ],
    ids=str,
)
def test_no_more_certificates_fail_than_promised(rule, alpha, copies, samples):
    """With hardly a doubt, or for hardly a gain, it goes on until luck has it: the worst time to stop at."""
    by = Sequential(samples, selection=10, alpha=alpha, **rule)
    wrong = failures(by, SHARES.repeat(copies, 1))[0].view(copies, len(SHARES)).sum(0)
    assert (wrong <= binom.isf(1e-8, copies, alpha)).all()
    assert wrong.sum() <= binom.isf(1e-8, copies * len(SHARES), alpha)


@pytest.mark.parametrize("top", [2, 3])
def test_the_promise_holds_for_sets_of_classes(top):
    p = torch.tensor([[0.4, 0.29, 0.2, 0.11]], dtype=torch.float64).expand(2000, -1)
    wrong, _ = failures(Sequential(500, (0.25, 0.5), 10, 0.05, doubt=1e-12), p, top)
    assert wrong.sum() <= binom.isf(1e-7, 2000, 0.05)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.99])
@pytest.mark.parametrize(("inputs", "looks", "step"), [(1000, 40, 15), pytest.param(20_000, 100, 20, marks=later)])
def test_no_time_to_stop_makes_more_bounds_fail_than_promised(share, inputs, looks, step):
    """A race for the true share itself ends where luck has proven it at some look; it is asked for a little more."""
    race = Race(np.full((inputs, 1), share), Sequential(looks * step, alpha=0.05, doubt=1e-300))
    random, everything = np.random.default_rng(0), np.arange(inputs)
    for look in range(looks):
        race.look(everything, random.binomial(step, share, inputs), (look + 1) * step)
    wrong = int((race.share >= share).sum())
    assert 0 < wrong <= binom.isf(1e-7, inputs, 0.05)
    assert wrong <= int((race.outcome()[0] >= share).sum()) <= binom.isf(1e-7, inputs, 0.05)


def test_a_bound_of_one_look_would_break_the_promise_when_looked_at_often():
    """So that the simulations above are known to see what they should."""
    random, hits, ever = np.random.default_rng(0), np.zeros(1000, np.int64), np.zeros(1000, bool)
    for look in range(40):
        hits += random.binomial(15, 0.9, 1000)
        ever |= binom.sf(hits - 1, 15 * (look + 1), 0.9) <= 0.05
    assert ever.sum() > binom.isf(1e-7, 1000, 0.05)


@pytest.mark.parametrize(("share", "asked"), [(0.6, 0.58), (0.7, 0.69)])
def test_few_shares_that_are_true_are_given_up(share, asked):
    """There are votes enough to prove what is asked, a little less than the truth, unless doubt stops them."""
    radius = NOISE.radius(torch.tensor(asked, dtype=torch.float64)).item()
    by = Sequential(10**6, (radius,), alpha=1e-6, doubt=0.3)
    _, answer = failures(by, torch.tensor([[share, 1 - share]], dtype=torch.float64).expand(1000, -1))
    assert 0 < int((answer.radius < radius).sum()) <= binom.isf(1e-7, 1000, 0.3)
    assert answer.samples.max() < 10**6


class Listed(Steady):
    """Notes what it was asked."""

    asked: list = []  # noqa: RUF012

    def votes(self, x, purpose, samples, first=0):
        self.asked.append((purpose, len(x), samples, first))
        return super().votes(x, purpose, samples, first)


def listed(x, by, noise=NOISE):
    """Return the answer, and the numbers of inputs, votes and the first vote of every look."""
    subject = Listed(*vars(steady(noise)).values())
    Listed.asked = []
    answer = by.answer(subject, torch.tensor(x, dtype=torch.float64))
    purposes, *looks = zip(*Listed.asked, strict=True)
    assert purposes == (SELECTION, *[ESTIMATION] * (len(purposes) - 1))
    return answer, [look[1:] for look in looks]


@pytest.mark.parametrize("asked", [False, True])
@pytest.mark.parametrize("samples", [1, 63, 64, 65, 100, 1000, 1001])
def test_looks_go_on_where_the_last_ended_and_end_with_the_last_vote(samples, asked):
    """The first input gains, or proves what is asked, with its last vote; the second is hopeless soon."""
    last = torch.from_numpy(above(np.array([samples]), np.array([samples]), 0.8))
    radii = (NOISE.radius(last * (1 - 1e-9)).item(),) if asked else ()
    by = Sequential(samples, radii, selection=10, alpha=0.8, doubt=1e-9, gain=1e-9)
    answer, (inputs, sizes, firsts) = listed([[1.0, 0.0, 0.0], [0.01, 0.01, 0.01]], by)
    assert list(firsts) == [0, *np.cumsum(sizes)[:-1].tolist()]
    assert sum(sizes) == answer.samples[0] == samples
    assert answer.samples[1] <= 64
    assert all(size % 64 == 0 for size in sizes[:-1])
    assert len(sizes) <= max(1, math.log(samples) / math.log(1.1))
    assert inputs == (2, *[1] * (len(inputs) - 1))
    assert answer.hits[0] == samples
    assert radii == () or answer.radius[0] >= radii[0]
    bounds = torch.from_numpy(above(answer.hits.numpy(), answer.samples.numpy(), by.alpha))
    proven = torch.tensor([asked * last.item(), 0.5])  # at most, and at earlier looks
    assert ((answer.share >= bounds) & (answer.share <= torch.maximum(bounds, proven) + 1e-7)).all()


def test_clear_cases_take_few_votes_and_close_ones_many():
    by = Sequential(100_000, (0.5,))
    answer, (inputs, *_) = listed([[1.0, 0.0], [0.9, 0.1], [0.72, 0.28], [0.66, 0.34], [0.4, 0.6], [0.1, 0.9]], by)
    assert (answer.radius > 0.5).tolist() == [True, True, True, False, False, True]
    assert answer.samples[0] == 64
    assert (answer.samples[[1, 4, 5]] < 500).all()
    assert ((answer.samples[2:4] > 1000) & (answer.samples[2:4] < 30_000)).all()
    assert inputs[0] == 6
    assert inputs[-1] == 1


def test_it_stops_where_no_vote_that_is_left_could_prove_a_radius():
    assert Sequential(1000).answer(steady(), torch.tensor([[1.0, 0.0]])).samples[0] > 64
    for noise, radius in ((Gaussian(0.25), 1.5), (Gaussian(0.25), 40.0), (Uniform(0.5), 0.5), (Uniform(0.5), 3.0)):
        answer, _ = listed([[1.0, 0.0]], Sequential(100_000, (radius,)), noise)
        assert answer.samples.tolist() == [64]
        assert 0 < answer.radius < radius
    needed, _ = listed([[1.0, 0.0]], Sequential(100_000, (0.8,)), Gaussian(0.25))
    assert needed.samples > 64
    assert needed.radius >= 0.8


def test_no_radius_that_was_proven_is_lost_to_rounding():
    """Votes go on for the second radius, and the bound of the last look falls below the first one's share."""

    class Falling(Steady):
        def votes(self, x, purpose, samples, first=0):
            return super().votes(x if first < 64 else x.flip(1), purpose, samples, first)

    x, label, random = torch.tensor([[1.0, 0.0]]), torch.tensor([0]), np.random.default_rng(0)
    for noise, threat in ((Gaussian(0.25), L2Ball), (Uniform(0.5), L1Ball)):
        subject = Falling(*vars(steady(noise)).values())
        beyond = noise.radius(torch.tensor(0.97)).item()
        for radius in (0.25 * random.random(15)).tolist():
            answer = Sequential(640, (radius, beyond), alpha=0.01, doubt=1e-280).answer(subject, x)
            assert answer.samples == 128
            assert radius <= answer.radius[0] < radius + 1e-6
            S = threat(radius, within=None).at(x)
            found = Sequential(640, (beyond,), alpha=0.01, doubt=1e-280)(subject, S, LinearSpec.margins(label, 2))
            assert found.verified.all()
            assert (found.radius >= S.radius).all()


def test_without_radii_it_stops_when_the_radius_stops_growing():
    few, many = (listed([[0.9, 0.1]], Sequential(100_000, gain=gain))[0] for gain in (0.3, 0.01))
    assert few.samples < many.samples
    assert few.radius < many.radius < NOISE.radius(torch.tensor(0.9))
    hopeless, _ = listed([[0.3, 0.7], [0.02, 0.98], [0.4, 0.35]], Sequential(100_000))
    assert (hopeless.label == torch.tensor([1, 1, -1])).all()
    assert hopeless.samples[2] < 1000
    assert listed([[0.9, 0.1]], Sequential(100_000, gain=5.0))[0].samples == 64


def test_the_set_asks_for_its_own_radius():
    x, y = torch.tensor([[0.9, 0.1], [0.1, 0.9]]), torch.tensor([0, 0])
    for eps, proven in ((0.5, True), (1.0, True), (1.25, True), (1.35, False)):
        found = Sequential(100_000)(steady(), L2Ball(eps, within=None).at(x), LinearSpec.margins(y, 2))
        assert found.verified.tolist() == [proven, False]
        assert found.confidence.tolist() == [0.999] * 2
        assert (found.radius >= eps).tolist() == [proven, False]


@pytest.mark.parametrize("by", [Sequential(600, gain=0.3), Sequential(600, (0.1,))])
def test_answers_depend_on_neither_batch_nor_order(by):
    generator = torch.Generator().manual_seed(0)
    network, x = nn.Linear(4, 3, bias=False), torch.randn(5, 4, generator=generator)
    network.weight.data = torch.randn(3, 4, generator=generator)
    subject, order = SmoothedNetwork(network, Smoothing(Gaussian(0.5))), torch.randperm(5, generator=generator)
    whole, mixed = by.answer(subject, x), by.answer(subject, x[order])
    alone = [by.answer(subject, one) for one in x.split(1)]
    assert len(whole.samples.unique()) > 1
    for name in ("label", "classes", "share", "radius", "samples", "hits"):
        assert torch.equal(getattr(mixed, name), getattr(whole, name)[order])
        assert torch.equal(torch.cat([getattr(one, name) for one in alone]), getattr(whole, name))


def test_the_host_waits_once_a_look():
    x = torch.tensor([[0.9, 0.1], [0.6, 0.4]], dtype=torch.float64)
    _, (looks, *_) = listed(x.tolist(), Sequential(500, (0.1,)))
    with StepCounts() as counts:
        Sequential(500, (0.1,)).answer(steady(), x)
    assert len([wait for wait in counts.waits if "sequential.py" in wait[1]]) == len(looks) + 1  # the radii asked


@pytest.mark.parametrize(
    ("wrong", "value"),
    [
        *(("alpha", value) for value in (0.0, 1.0, math.nan)),
        *(("samples", value) for value in (0, -5)),
        *(("selection", value) for value in (0, -7)),
        *(("doubt", value) for value in (0.0, 1.0, -3.0, math.nan)),
        *(("gain", value) for value in (0.0, -2.0, math.inf, math.nan)),
        *(("radii", value) for value in ((-1.0,), (0.5, math.inf), (math.nan, 0.5))),
    ],
)
def test_numbers_out_of_range_are_refused_by_value(wrong, value):
    with pytest.raises(InputError, match=rf"Sequential needs {wrong}(\[\d\])? to be .*, but it is "):
        Sequential(**{wrong: value})


def test_simulated_votes_are_those_of_a_vote():
    found = simulated().votes(torch.tensor([[0.2, 0.8]]).expand(2000, -1), SELECTION, 100)
    assert isinstance(simulated(), Simulated)
    assert (found.sum(1) == 100).all()
    assert found[:, 1].double().mean().item() == pytest.approx(80, abs=5 * 4 / 2000**0.5)
