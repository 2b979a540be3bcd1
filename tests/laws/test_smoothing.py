"""What every noise that smooths, and every certification of votes, obeys."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from hauberk.concepts.noise import Noise
from hauberk.concepts.smoothing_noise import SmoothingNoise
from hauberk.concepts.specification import LinearSpec
from hauberk.sampling.certification import Certification
from hauberk.sampling.smoothed_network import SmoothedNetwork, Smoothing
from hauberk.threats import L1Ball, L2Ball
from laws.instances import instances, label

NOISES = instances(SmoothingNoise)
BALLS = {1.0: L1Ball, 2.0: L2Ball}
EACH_NOISE = pytest.mark.parametrize("noise", NOISES, ids=label)


def half_space(d: int) -> nn.Module:
    """Class 0 where the first coordinate is positive: at the distance of that coordinate, in every norm."""
    network = nn.Linear(d, 2, bias=False)
    with torch.no_grad():
        network.weight.zero_()
        network.weight[:, 0] = torch.tensor([1.0, -1.0])
    return network


@EACH_NOISE
def test_radius_and_share_are_each_others_inverse_and_grow_from_zero(noise):
    share = torch.linspace(0.5, 0.999, 200, dtype=torch.float64)
    radius = noise.radius(share)
    assert radius[0].abs() < 1e-12
    assert (radius.diff() > 0).all()
    torch.testing.assert_close(noise.share(radius), share, rtol=1e-12, atol=1e-12)
    assert (noise.radius(1 - share) <= 0).all()


@EACH_NOISE
def test_rows_depend_on_their_input_and_key_alone(noise):
    x, keys = torch.rand(3, 5), torch.randint(-(2**62), 2**62, (64,))
    image = torch.arange(64) % 3
    rows = noise.rows(x, image, keys)
    order = torch.randperm(64)
    assert torch.equal(noise.rows(x, image[order], keys[order]), rows[order])
    assert torch.equal(noise.rows(x[image[:4]], torch.arange(4), keys[:4]), rows[:4])
    assert len(torch.unique(rows - x[image], dim=0)) == 64


@EACH_NOISE
def test_training_adds_it_without_hiding_the_input_from_gradients(noise):
    x = torch.rand(4, 1, 3, 3, requires_grad=True)
    added = noise.added(x, Noise.of(0, torch.arange(4)))
    (gradient,) = torch.autograd.grad(added.sum(), x)
    assert torch.equal(gradient, torch.ones_like(x))
    assert torch.equal(noise.added(x, Noise.of(0, torch.arange(4))), added)
    assert (added != x).any()


@EACH_NOISE
def test_the_radius_of_a_half_space_is_its_distance(noise):
    reach = noise.radius(torch.tensor(0.8, dtype=torch.float64))
    x = torch.tensor([[reach.item(), 0.3, -2.0]])
    keys = Noise.of(0, torch.arange(200_000)).keys
    rows = noise.rows(x, torch.zeros_like(keys), keys)
    share = (rows[:, 0] > 0).double().mean().item()
    assert share == pytest.approx(0.8, abs=5 * (0.8 * 0.2 / 2e5) ** 0.5)


@EACH_NOISE
@pytest.mark.parametrize("rule", instances(Certification), ids=label)
def test_no_certificate_crosses_the_boundary_of_a_half_space(rule, noise):
    subject, rule = SmoothedNetwork(half_space(3), Smoothing(noise)), replace(rule, samples=2000, alpha=1e-6)
    distances = noise.radius(torch.linspace(0.02, 0.98, 49, dtype=torch.float64)).float()
    x = torch.cat([distances[:, None], torch.rand(49, 2, generator=torch.Generator().manual_seed(0))], 1)
    radii = distances.abs().double()
    answer = rule.answer(subject, x, radii[:, None])
    assert (answer.radius <= radii).all(), "wrong with a probability of 49 * alpha at most"
    assert torch.equal(answer.label[answer.label >= 0], (x[:, 0] < 0).long()[answer.label >= 0])
    S = BALLS[noise.p](1.0, within=None).at(x)
    certificate = rule(subject, S, LinearSpec.margins((x[:, 0] < 0).long(), 2))
    assert not (certificate.verified & (radii <= 1)).any()
    assert (certificate.confidence == 1 - rule.alpha).all()
    assert ((certificate.lower > 0).all(1) == certificate.verified).all()
