"""The sum of losses at the answers of several attacks."""

import pytest
import torch
from torch import nn

from hauberk.attacks import FGSM, PGD, Unperturbed
from hauberk.concepts.noise import Noise
from hauberk.concepts.schedule import Progress
from hauberk.errors import InputError
from hauberk.losses import CrossEntropy, Margin
from hauberk.objectives import Adversarial, AdversarialSum
from hauberk.threats import LinfBall

X = torch.rand(6, 5, generator=torch.Generator().manual_seed(0))
Y = torch.arange(6) % 3
ATTACKS = [FGSM(CrossEntropy()), PGD(Margin(), 3, 0.5, stop_when_broken=False, start=Unperturbed())]


def value(objective, network):
    progress, noise = Progress(step=0, steps=1, steps_per_epoch=1), Noise.of(0, torch.arange(6))
    found = objective(network, X, Y, LinfBall(0.1), progress=progress, noise=noise)
    gradients = torch.autograd.grad(found.loss, list(network.parameters()))
    return found, torch.cat([gradient.flatten() for gradient in gradients])


def test_loss_and_gradient_are_the_sums_of_those_of_each_attack_and_all_must_be_withstood():
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(5, 8), nn.ReLU(), nn.Linear(8, 3))
    both, gradient = value(AdversarialSum(ATTACKS, CrossEntropy()), network)
    alone = [value(Adversarial(attack, CrossEntropy()), network) for attack in ATTACKS]
    torch.testing.assert_close(both.loss, sum(one.loss for one, _ in alone))
    torch.testing.assert_close(gradient, sum(own for _, own in alone))
    assert torch.equal(both.robust, alone[0][0].robust & alone[1][0].robust)


def test_no_attack_at_all_is_refused():
    with pytest.raises(InputError, match="at least one attack"):
        AdversarialSum([], CrossEntropy())
