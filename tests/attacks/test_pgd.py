"""Projected steepest ascent, against the same steps in plain arithmetic."""

from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial

import pytest
import torch
import torch.nn.functional as F

from attacks.searches import Recording, noise
from hauberk.architectures import Small
from hauberk.attacks import PGD, RandomMember, Unperturbed
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.kernels.convolutions import FastConvolutions
from hauberk.losses import CrossEntropy
from hauberk.threats import L2Ball, LinfBall
from hauberk.threats.linf_ball import LinfSet
from step_counts import StepCounts

DTYPE = torch.float64
X = torch.tensor([[0.5, 0.5, 0.5], [0.4, 0.6, 0.5]], dtype=DTYPE)
PEAK = torch.tensor([[0.52, 0.95, 0.1], [0.9, 0.57, 0.46]], dtype=DTYPE)
CURVATURE = torch.tensor([9.0, 0.5, 2.0], dtype=DTYPE)
Y = torch.zeros(2, dtype=torch.long)


class Hill(AdversarialLoss):
    """A quadratic of the pixels, which stand behind two logits; its slope changes sign and size on the way."""

    def __call__(self, logits, y, target=None):
        return -(CURVATURE * (logits[:, 2:] - PEAK[: len(logits)]) ** 2).sum(1)


def network(z):
    """Return logits of which the first always wins, and then the pixels."""
    return torch.cat([z.new_full((len(z), 1), 9.0), z.new_zeros(len(z), 1), z], 1)


def gradient(z):
    return -2 * CURVATURE * (z - PEAK)


@pytest.mark.parametrize("momentum", [0.0, 0.8])
def test_every_step_is_that_of_the_accumulated_gradients_each_in_its_own_l1_norm(momentum):
    """Dong et al. 2018, equations 6 and 7; without momentum, plain signed gradients."""
    watched, eps = Recording(network), 0.2
    attack = PGD(Hill(), 7, 0.15, stop_when_broken=False, start=Unperturbed(), momentum=momentum)
    answer = attack(watched, LinfBall(eps).at(X), Y, noise=noise(2))
    z, direction = X, torch.zeros_like(X)
    for shown in watched.shown[:7]:
        torch.testing.assert_close(shown, z, rtol=0, atol=1e-12)
        slope = gradient(z)
        direction = momentum * direction + slope / slope.abs().sum(1, keepdim=True)
        z = (z + 0.15 * eps * direction.sign()).clamp(X - eps, X + eps)
    torch.testing.assert_close(answer, z, rtol=0, atol=1e-12)


def test_in_the_euclidean_norm_steps_have_their_length():
    watched = Recording(network)
    PGD(Hill(), 4, 0.25, stop_when_broken=False, start=Unperturbed())(watched, L2Ball(0.2).at(X), Y, noise=noise(2))
    z = X
    for shown in watched.shown[:4]:
        torch.testing.assert_close(shown, z, rtol=0, atol=1e-12)
        slope = gradient(z)
        z = z + 0.25 * 0.2 * slope / slope.norm(dim=1, keepdim=True)
        offset = z - X
        z = X + offset * (0.2 / offset.norm(dim=1, keepdim=True)).clamp(max=1)


def test_what_is_never_broken_is_answered_with_the_point_of_largest_loss_met():
    watched, loss = Recording(network), Hill()
    answer = PGD(Hill(), 9, 0.9, start=Unperturbed())(watched, LinfBall(0.2).at(X), Y, noise=noise(2))
    met = torch.stack([loss(network(z), Y) for z in watched.shown])
    torch.testing.assert_close(loss(network(answer), Y), met.amax(0), rtol=0, atol=1e-12)
    assert (met[-1] < met.amax(0)).any(), "the last point is not the best one"


@dataclass(frozen=True)
class Noting(LinfSet):
    """Notes the random numbers that it is given."""

    given: list = field(default_factory=list)

    def sample(self, noise):
        self.given.append(noise.keys.tolist())
        return super().sample(noise)

    def steepest_step(self, z, gradient, length, noise):
        self.given.append(noise.keys.tolist())
        return super().steepest_step(z, gradient, length, noise)


def test_start_and_steps_draw_different_numbers():
    S = LinfBall(0.2).at(X)
    watched = Noting(S.start, S.radius, S.box, S.within)
    PGD(Hill(), 4, 0.25, stop_when_broken=False, start=RandomMember())(network, watched, Y, noise=noise(2))
    drawn = [key for keys in watched.given for key in keys]
    assert len(watched.given) == 1 + 4
    assert len(set(drawn)) == len(drawn)


def by_hand(network, x, y, steps):
    """Take the steps of PGD as one would write them down."""
    z = x
    for _ in range(steps):
        z = z.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(F.cross_entropy(network(z), y, reduction="sum"), z)
        z = z.detach() + 0.01 * gradient.sign()
        z = x + (z - x).clamp(-0.1, 0.1)
        z = z.clamp(0, 1)
    return z


def operations(call):
    """Return how many operations a call takes."""
    with StepCounts() as counts:
        call()
    return counts.operations.total()


@pytest.mark.parametrize("device", ["cpu", "meta"])
@pytest.mark.parametrize("stop", [False, True])
def test_a_step_dispatches_little_more_than_the_same_step_by_hand(stop, device):
    network = Small((1, 28, 28), 10)
    *_, last = network.parameters()
    last.data[0] = 1e3  # nothing is ever broken, so that every step is taken
    network.to(device)
    x, y = torch.full((4, 1, 28, 28), 0.5, device=device), torch.zeros(4, dtype=torch.long, device=device)
    S = LinfSet.around(x, torch.full((4,), 0.1, device=device), (0.0, 1.0))
    own = Noise.of(0, torch.arange(4, device=device))
    mode = nullcontext if device == "meta" else partial(FastConvolutions, weights=False)

    def ours(steps):
        PGD(CrossEntropy(), steps, 0.1, stop_when_broken=stop)(network, S, y, noise=own)

    def plain(steps):
        with mode():
            by_hand(network, x, y, steps)

    counts = {call: operations(partial(call, 9)) - operations(partial(call, 4)) for call in (ours, plain)}
    # On a CPU, rows to keep are looked up and copied, and broken ones looked for: four short operations more.
    short = 4 * 5 if stop and device == "cpu" else 0
    assert 0 < counts[ours] <= 1.2 * counts[plain] + short
