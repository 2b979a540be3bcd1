"""Certificates of votes: what they say exactly, of which sets and labels, and what they never say."""

import itertools
import math

import pytest
import torch
from scipy.stats import beta, binom, norm
from torch import nn

from hauberk.concepts.certificate import Verdict
from hauberk.concepts.rounding import rounded_down
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError, ShapeError, UnsupportedOpError, UnsupportedSetError
from hauberk.sampling.certification import reach
from hauberk.sampling.smoothed_network import SmoothedNetwork, Smoothing
from hauberk.smoothing import FixedSample, Gaussian, Sequential, Uniform
from hauberk.threats import GivenBox, L0Ball, L1Ball, L2Ball, LinfBall, MaskedLinfBall, Union
from simulated_votes import steady

INF = math.inf
GAUSSIAN, UNIFORM = Gaussian(0.25), Uniform(0.5)
FIXED = FixedSample(samples=1000)
noises = pytest.mark.parametrize("noise", [GAUSSIAN, UNIFORM], ids=["gaussian", "uniform"])
P = torch.tensor([[0.9, 0.06, 0.04], [0.03, 0.95, 0.02], [0.5, 0.4, 0.1], [0.0, 0.0, 1.0]], dtype=torch.float64)
LABELS = torch.tensor([0, 1, 0, 2])


def ball(noise):
    return L2Ball if noise.p == 2 else L1Ball


def certificate(noise, eps, x=P, y=LABELS, by=FIXED):
    return by(steady(noise), ball(noise)(eps, within=None).at(x), LinearSpec.margins(y, x.shape[1], x.dtype))


def shares(x=P):
    """Return the bounds of the likeliest class's probability, from scipy."""
    hits = (x.double().amax(1) * 1000).round().numpy()
    return torch.from_numpy(beta.ppf(0.001, hits, 1000 - hits + 1))


def radii(noise, x=P):
    share = shares(x).numpy()
    found = 0.25 * norm.ppf(share) if noise.p == 2 else share - 0.5
    return torch.from_numpy(found).clamp(min=0)


@noises
def test_the_answer_is_the_binomial_bound_and_its_radius(noise):
    answer = FIXED.answer(steady(noise), P)
    assert answer.label.tolist() == [0, 1, -1, 2]
    assert answer.classes.tolist() == [[0], [1], [0], [2]]
    torch.testing.assert_close(answer.share, shares(), rtol=0, atol=1e-12)
    torch.testing.assert_close(answer.radius, radii(noise), rtol=1e-11, atol=1e-12)
    assert answer.samples.tolist() == [1000] * 4
    assert answer.hits.tolist() == [900, 950, 500, 1000]
    assert answer.confidence == 0.999


@noises
@pytest.mark.parametrize("eps", [0.0, 0.1, 0.2])
def test_a_certificate_bounds_the_lead_in_probability_on_the_ball(noise, eps):
    found = certificate(noise, eps)
    left = radii(noise) - eps
    lead = torch.from_numpy(2 * norm.cdf(left / 0.25) - 1) if noise.p == 2 else 2 * left
    lead = torch.where(left > 0, lead, -INF)
    torch.testing.assert_close(found.lower, lead[:, None].expand(4, 2), rtol=1e-10, atol=1e-10)
    assert found.verdict.tolist() == (left > 0).long().tolist()
    torch.testing.assert_close(found.radius, radii(noise), rtol=1e-11, atol=1e-12)
    assert found.confidence.tolist() == [0.999] * 4
    assert found.subject == "smoothed network"
    assert found.arithmetic.startswith(noise.name)


@noises
def test_the_lead_at_the_rim_of_a_linear_network_is_the_one_proven(noise):
    """With the true share in the place of its bound, no larger lower bound would be right: one coordinate decides."""
    share, eps = 0.9, 0.1
    radius = noise.radius(torch.tensor(share, dtype=torch.float64))
    at_rim = noise.share(radius - eps)
    drawn = noise.rows(torch.zeros(1, 1), torch.zeros(200_000, dtype=torch.int64), torch.arange(200_000))
    seen = (drawn > eps - radius).double().mean()
    assert seen.item() == pytest.approx(at_rim.item(), abs=5 * 0.5 / 200_000**0.5)


@noises
def test_radii_end_where_proofs_do(noise):
    limit = FIXED.answer(steady(noise), P).radius
    for eps, proven in ((limit * (1 - 1e-9), True), (limit, False), (limit * (1 + 1e-9) + 1e-9, False)):
        found = certificate(noise, eps[[0, 1, 3]], P[[0, 1, 3]], LABELS[[0, 1, 3]])
        assert found.verified.tolist() == [proven] * 3
        assert (found.lower > 0).all(1).tolist() == [proven] * 3


@noises
def test_another_label_is_unknown_and_has_no_radius(noise):
    found = certificate(noise, 0.0, y=torch.tensor([1, 2, 1, 0]))
    assert found.verdict.tolist() == [Verdict.UNKNOWN] * 4
    assert (found.lower == -INF).all()
    assert found.radius.tolist() == [0] * 4


@noises
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_results_in_lower_precision_are_rounded_down(noise, dtype):
    x = P.to(dtype)
    exact = certificate(noise, 0.05, x.double())
    found = certificate(noise, 0.05, x)
    assert found.lower.dtype == found.radius.dtype == dtype
    for rounded, number in ((found.lower, exact.lower), (found.radius, exact.radius)):
        assert (rounded.double() <= number).all()
        torch.testing.assert_close(rounded.double(), number, rtol=torch.finfo(dtype).eps, atol=1e-12)
    assert torch.equal(found.verified, exact.verified)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.float64])
def test_rounding_down_gives_the_next_number_below_or_the_number_itself(dtype):
    numbers = torch.randn(1000, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    numbers = torch.cat([numbers, torch.tensor([0.0, 1.0, -1.0, 1e-300, -1e-300, INF, -INF, 0.1])])
    found = rounded_down(numbers, dtype)
    assert (found.double() <= numbers).all()
    assert (found.nextafter(torch.full_like(found, INF)).double() >= numbers).all()
    assert torch.equal(rounded_down(found.double(), dtype), found)


def corners(d):
    return torch.tensor(list(itertools.product([-1.0, 1.0], repeat=d)), dtype=torch.float64)


@pytest.mark.parametrize("p", [2.0, 1.0])
@pytest.mark.parametrize("d", [1, 2, 7])
def test_balls_in_other_norms_lie_in_the_ball_that_is_proven(p, d):
    """The farthest points of each ball, by hand: its corners, and the middle of a face for l_2 in l_1."""
    x, eps = torch.full((3, d), 0.5, dtype=torch.float64), torch.tensor([0.1, 0.2, 0.0], dtype=torch.float64)
    farthest = {
        LinfBall: corners(d),
        L1Ball: torch.eye(d, dtype=torch.float64),
        L2Ball: torch.cat([torch.eye(d, dtype=torch.float64), corners(d) / d**0.5]),
    }
    for threat, points in farthest.items():
        for within in (None, (0.0, 1.0)):
            expected = points.norm(p, 1).max() * eps
            found = reach(threat(eps, within=within).at(x), p)
            assert (found >= expected).all()
            torch.testing.assert_close(found, expected, rtol=1e-9, atol=0)


def test_boxes_are_measured_as_they_are():
    x = torch.tensor([[0.5, 0.5, 0.9]], dtype=torch.float64)
    masked = MaskedLinfBall(0.3, torch.tensor([True, False, True])).at(x)
    assert reach(masked, 2).item() == pytest.approx(0.3 * 2**0.5)
    assert reach(masked, 1).item() == pytest.approx(0.6)
    given = GivenBox(torch.tensor([[0.5, 0.1, 0.8]]), torch.tensor([[0.5, 0.7, 1.0]])).at(x.float())
    assert reach(given, 1).item() == pytest.approx(0.4 + 0.1, rel=1e-6)
    assert reach(given, 2).item() == pytest.approx((0.16 + 0.01) ** 0.5, rel=1e-6)
    rounded = LinfBall(0.1).at(torch.tensor([[0.9]]))
    assert reach(rounded, 2) >= rounded.box.upper.double() - 0.9


@noises
def test_proofs_over_other_balls_are_those_of_the_ball_around_them(noise):
    limit = FIXED.answer(steady(noise), P).radius[0].item()
    factors = {LinfBall: 3 ** (1 / noise.p), L2Ball: 1 if noise.p == 2 else 3**0.5, L1Ball: 1}
    for threat, factor in factors.items():
        for share, proven in ((0.999, True), (1.001, False)):
            S = threat(share * limit / factor, within=None).at(P[:1])
            found = FIXED(steady(noise), S, LinearSpec.margins(LABELS[:1], 3, P.dtype))
            assert found.verified.tolist() == [proven]
            assert (found.radius is not None) == (S.p == noise.p)


@noises
@pytest.mark.parametrize("threat", [L0Ball(1), Union([LinfBall(0.1), L2Ball(0.1)])], ids=["l0", "union"])
def test_sets_that_are_no_balls_are_refused(noise, threat):
    with pytest.raises(UnsupportedSetError, match=r"l_0|Union"):
        FIXED(steady(noise), threat.at(P), LinearSpec.margins(LABELS, 3, P.dtype))


@pytest.mark.usefixtures("unchecked")
def test_what_is_no_label_of_a_smoothed_network_is_refused():
    S, spec = L2Ball(0.1).at(P), LinearSpec.margins(LABELS, 3, P.dtype)
    with pytest.raises(UnsupportedOpError, match="smoothed network, not of a network"):
        FIXED(NetworkSubject(nn.Linear(3, 3).double(), UnsupportedOpError("")), S, spec)
    assert not FIXED.covers(None)
    for rows, offset in (
        (spec.rows * 2, spec.offset),
        (spec.rows, spec.offset + 1),
        (spec.rows[:, :1], spec.offset[:, :1]),
    ):
        with pytest.raises(InputError, match=r"LinearSpec\.margins"):
            FIXED(steady(), S, LinearSpec(rows, offset))
    for part in (spec.select(torch.tensor([0])), LinearSpec.margins(torch.zeros(4, dtype=torch.int64), 2, P.dtype)):
        with pytest.raises(ShapeError, match="4 examples"):
            FIXED(steady(), S, part)
    with pytest.raises(ShapeError, match="1 examples"):
        FIXED(steady(), S.select(torch.tensor([0])), spec)


MANY = torch.tensor([[0.18, 0.17, 0.16, 0.15, 0.14, 0.2], [0.9, 0.02, 0.02, 0.02, 0.02, 0.02]], dtype=torch.float64)


@pytest.mark.parametrize("by", [FIXED, Sequential(samples=1000), Sequential(samples=1000, radii=(0.05,))])
def test_a_set_of_classes_has_a_radius_of_its_own_and_no_label(by):
    """The classes of the first input have .86 of the votes, none of them a half: the radius is that of the set."""
    subject = steady(GAUSSIAN)
    answer = by.answer(subject, MANY, top=5)
    assert answer.classes[0].sort().values.tolist() == [0, 1, 2, 3, 5]
    assert answer.classes[1, 0] == 0
    assert (answer.share < torch.tensor([0.86, 0.98])).all()
    assert (answer.share > torch.tensor([0.65, 0.75])).all()
    torch.testing.assert_close(answer.radius, GAUSSIAN.radius(answer.share))
    assert answer.label.tolist() == [-1, -1]
    assert answer.hits[0] == pytest.approx(0.86 * answer.samples[0].item(), abs=6)
    single = by.answer(subject, MANY)
    assert single.label.tolist() == [-1, 0]
    assert single.radius[0] == 0
    for label in range(6):
        S, y = L2Ball(0.0, within=None).at(MANY[:1]), torch.tensor([label])
        assert not by(subject, S, LinearSpec.margins(y, 6, P.dtype)).verified.any()


def test_a_set_of_all_classes_is_certain_and_one_of_more_is_refused():
    answer = FIXED.answer(steady(GAUSSIAN), MANY, top=6)
    assert answer.hits.tolist() == [1000, 1000]
    assert answer.share[0].item() == pytest.approx(0.001 ** (1 / 1000))
    for top in (0, 7, -1):
        with pytest.raises(InputError, match=f"from 1 to 6, but is {top}"):
            FIXED.answer(steady(), MANY, top=top)


def bad_network(bad):
    class Bad(nn.Module):
        def forward(self, x):
            return torch.where(x[:, :1] < 99, torch.tensor([[1.0, bad]]), x[:, :2])

    return SmoothedNetwork(Bad(), Smoothing(GAUSSIAN))


@pytest.mark.parametrize("bad", [math.nan, INF, -INF])
@pytest.mark.parametrize("by", [FIXED, Sequential(samples=500), Sequential(samples=500, radii=(0.0, 0.1))])
def test_numbers_that_are_not_finite_certify_nothing(by, bad):
    x = torch.tensor([[0.1, 0.2]])
    constant = SmoothedNetwork(nn.Sequential(nn.Linear(2, 2), nn.ReLU6()), Smoothing(GAUSSIAN))
    for subject, inputs in ((bad_network(bad), x), (constant, torch.tensor([[bad, 0.2]]))):
        answer = by.answer(subject, inputs)
        assert (answer.label.item(), answer.radius.item(), answer.share.item()) == (-1, 0, 0)
        assert answer.hits.item() == 0
    for y in (0, 1):
        S, spec = L2Ball(0.0).at(x), LinearSpec.margins(torch.tensor([y]), 2)
        found = by(bad_network(bad), S, spec)
        assert found.verdict.tolist() == [Verdict.UNKNOWN]
        assert found.radius.tolist() == [0]


@pytest.mark.parametrize("alpha", [1e-320, 1e-300, 1 - 2**-53])
@pytest.mark.parametrize("procedure", [FixedSample, Sequential])
def test_extreme_promises_give_neither_nan_nor_radii_that_are_not_proven(procedure, alpha):
    by = procedure(samples=1000, alpha=alpha)
    answer = by.answer(steady(GAUSSIAN), P)
    assert not answer.radius.isnan().any()
    assert not answer.share.isnan().any()
    assert answer.confidence < 1  # which stands for certainty
    assert alpha > 0.5 or (answer.share < P.amax(1)).all()
    found = certificate(GAUSSIAN, 0.1, y=torch.tensor([0, 0, 0, 0]), by=by)
    assert not found.radius.isnan().any()
    assert found.radius[[1, 3]].tolist() == [0, 0]


def linear_distances(noise, weight, x):
    """Return the distances to the plane between two classes, in the noise's norm."""
    gap = (weight[0] - weight[1]).double()
    return (x.double() @ gap).abs() / gap.norm(2 if noise.p == 2 else INF)


@pytest.mark.parametrize("one", [True, False], ids=["one coordinate", "all coordinates"])
@pytest.mark.parametrize("by", [FixedSample(samples=192, alpha=0.05), Sequential(samples=192, alpha=0.05)])
@pytest.mark.parametrize("trials", [400, pytest.param(8000, marks=pytest.mark.product)])
@noises
def test_radii_of_linear_networks_exceed_the_distance_no_more_often_than_promised(noise, by, one, trials):
    generator = torch.Generator().manual_seed(3)
    weight = torch.randn(2, 5, generator=generator) * (torch.eye(5)[:1] if one else 1)
    network = nn.Linear(5, 2, bias=False)
    network.weight.data = weight
    x = 0.1 * torch.randn(trials, 5, generator=generator)
    answer = by.answer(SmoothedNetwork(network, Smoothing(noise)), x)
    distance = linear_distances(noise, weight, x)
    answered = answer.label >= 0
    wrong = answered & ((answer.radius > distance) | (answer.label != (x @ weight.T).argmax(1)))
    assert answered.sum() > trials / 10
    assert int(wrong.sum()) <= binom.isf(1e-7, trials, 0.05)
    if isinstance(by, FixedSample) and (one or noise.p == 2):
        assert (answer.radius > 0.5 * distance)[answered].double().mean() > 0.4


@pytest.mark.parametrize("scale", [1e-30, 1e-10, 1e10, 1e30])
@pytest.mark.parametrize("size", [1e-6, 1.0, 1e6])
def test_extreme_scales_of_inputs_and_weights_change_no_certificate(scale, size):
    noise, weight = Gaussian(0.25 * scale), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    network = nn.Linear(2, 2, bias=False)
    network.weight.data = weight * size
    x = torch.tensor([[0.9, 0.1], [0.1, 0.9], [0.5, 0.5]]) * scale
    answer = FixedSample(samples=2000, alpha=1e-6).answer(SmoothedNetwork(network, Smoothing(noise)), x)
    assert answer.label.tolist() == [0, 1, -1]
    relative = answer.radius / linear_distances(noise, weight, x)
    assert ((relative[:2] > 0.7) & (relative[:2] <= 1)).all()
    assert answer.radius[2] == 0
