"""Projected bounds: estimates that are near the exact ones, differentiable, and a matter of noise and example alone."""

from dataclasses import dataclass, replace

import pytest
import torch
import torch.nn.functional as F

from hauberk.bounds import BackwardLinear, ForwardLinear, Projected
from hauberk.bounds.projected import estimated, median
from hauberk.concepts.box import Box
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.propagation.forward_pass import ForwardPass
from hauberk.propagation.generators import AllGenerators
from hauberk.propagation.projections import Projections, cauchy, stream
from hauberk.threats import LinfBall
from hauberk.threats.linf_ball import LinfSet
from hauberk.verification import ByBound
from laws.networks import BUILDERS, CLASSES, images, labels, network

B = 3
DTYPE = torch.float64
NOISE = Noise.of(3, torch.arange(B))
NETWORKS = pytest.mark.parametrize("name", BUILDERS)


@dataclass(frozen=True)
class Ball(LinfSet):
    """A whole l2 ball, as far as bounds need to know it."""

    p = 2.0
    is_box = False

    def select(self, index):
        return replace(super().select(index))

    def support_function(self, c):
        c, start = c.flatten(2), self.start.flatten(1)
        return (c @ start[:, :, None])[:, :, 0] + c.norm(dim=2) * self.radius[:, None]


def ball(eps, x):
    S = LinfBall(eps, None).at(x)
    return Ball(S.start, S.radius, S.box, None)


def problem(name, seed, eps=0.1):
    S = LinfBall(eps).at(images(B, seed))
    return network(name, seed).frozen(), S, LinearSpec.margins(labels(B, seed), CLASSES, DTYPE)


@pytest.mark.parametrize(("rows", "mean", "lower"), [(10, 1.155, 0.86), (50, 1.026, 0.97), (100, 1.013, 0.985)])
def test_the_median_has_its_published_mean_and_the_lower_middle_value_alone_is_biased(rows, mean, lower):
    drawn = cauchy(Noise.of(4, torch.arange(1)), (2_000_000 // rows, rows), DTYPE)[0].abs()
    estimates = median(drawn)
    assert estimates.mean().item() == pytest.approx(mean, abs=0.01)
    assert estimates.median().item() == pytest.approx(1, abs=0.03)
    assert drawn.median(1).values.median().item() == pytest.approx(lower, abs=0.012)
    if rows == 50:
        assert estimates.std().item() == pytest.approx(0.23, rel=0.1)


def test_the_median_is_numpys_and_ties_do_no_harm():
    values = torch.tensor([[3.0, 1.0, 2.0, 10.0], [0.0, 0.0, 0.0, 0.0], [1.0, 5.0, 5.0, 9.0]])
    assert median(values).tolist() == [2.5, 0.0, 5.0]
    assert median(values[:, :3]).tolist() == [2.0, 0.0, 5.0]


@pytest.mark.parametrize("kind", ["box", "ball"])
@pytest.mark.parametrize("name", ["dense", "residual"])
def test_with_many_rows_pooled_estimates_are_near_the_exact_bounds(name, kind):
    """One block holds the input's part and that of all ReLUs so far; both carriers pass the same relaxations."""
    frozen, S, _ = problem(name, 5)
    S, rows = (S, 20_000) if kind == "box" else (ball(0.4, S.start), 20_000)
    S = S.select(torch.tensor([0]))
    boxes = ForwardLinear(intersect=True).boxes(frozen, S, outward=False)
    index = frozen.relaxed[-1]
    everything = torch.ones_like(boxes[index].lower, dtype=torch.bool)
    unknown = Box(torch.full_like(boxes[index].lower, -1e9), torch.full_like(boxes[index].lower, 1e9))
    found = []
    with torch.no_grad():
        for carrier in (AllGenerators(S), Projections(S, rows, stream(S, NOISE))):
            forward = ForwardPass(frozen, boxes, carrier, False)
            form = [forward.advance(i) for i in range(1, index + 1)][-1]
            bound = carrier.box if isinstance(carrier, AllGenerators) else estimated
            found.append(bound(form, unknown, everything))
    exact, estimate = found
    torch.testing.assert_close(estimate.center, exact.center, rtol=0, atol=1e-9)
    torch.testing.assert_close(estimate.radius, exact.radius, rtol=0.05, atol=0)
    assert (exact.radius > 0.01).any()


@NETWORKS
@pytest.mark.parametrize("rows", [5, 6])
def test_gradients_at_fixed_noise_are_those_of_central_differences(name, rows):
    graph = network(name, 6)
    _, S, spec = problem(name, 6)
    parameters = list(graph.module.parameters())
    generator = torch.Generator().manual_seed(0)
    direction = [torch.randn(p.shape, generator=generator, dtype=DTYPE) for p in parameters]

    def loss():
        return F.softplus(-Projected(rows)(graph.frozen(), S, spec, outward=False, noise=NOISE).lower).sum()

    gradients = torch.autograd.grad(loss(), parameters, allow_unused=True)
    slope = sum((g * d).sum() for g, d in zip(gradients, direction, strict=True) if g is not None)
    ends, h = [], 1e-6
    with torch.no_grad():
        for step in (h, -2 * h):
            for p, d in zip(parameters, direction, strict=True):
                p.add_(d, alpha=step)
            ends.append(loss())
    torch.testing.assert_close(slope, (ends[0] - ends[1]) / (2 * h), rtol=1e-5, atol=1e-7)


@NETWORKS
def test_estimates_are_a_matter_of_noise_and_example_alone(name):
    frozen, S, spec = problem(name, 7, 0.2)
    bounder = Projected(7)
    together = bounder(frozen, S, spec, noise=NOISE).lower
    assert torch.equal(together, bounder(frozen, S, spec, noise=NOISE).lower)
    for i in range(B):
        index = torch.tensor([i])
        alone = bounder(frozen, S.select(index), spec.select(index), noise=NOISE.select(index)).lower
        torch.testing.assert_close(alone, together[i : i + 1], rtol=0, atol=1e-12)
    if name == "residual":
        assert not torch.equal(together, bounder(frozen, S, spec, noise=NOISE.fold(1)).lower)


def test_estimates_are_no_bounds_and_never_make_a_certificate():
    frozen, S, spec = problem("residual", 8, 0.2)
    exact = ForwardLinear(intersect=True)(frozen, S, spec).lower
    found = torch.stack([Projected(10)(frozen, S, spec, noise=Noise.of(s, torch.arange(B))).lower for s in range(20)])
    assert (found > exact).any()
    for bounder in (Projected(), BackwardLinear(Projected())):
        assert not bounder.certifies
        with pytest.raises(InputError, match=r"Projected.*estimates.*BackwardLinear"):
            ByBound(bounder)


def test_what_it_cannot_use_is_refused():
    frozen, S, spec = problem("dense", 9)
    with pytest.raises(InputError, match=r"Noise\.of"):
        Projected()(frozen, S, spec)
    with pytest.raises(InputError, match="rows to be a positive integer, but it is 0"):
        Projected(0)

    class Diamond(Ball):
        p = 1.0

    diamond = Diamond(S.start, S.radius, S.box, S.within)
    assert isinstance(diamond, NormBall)
    with pytest.raises(UnsupportedSetError, match="Diamond"):
        Projected()(frozen, diamond, spec, noise=NOISE)
