"""What attacks called alone accept, and what they leave as it was."""

import numpy as np
import pytest
import torch
from torch import nn

from hauberk.attacks import FGSM, PGD, DeepFool, Restarts, Transfer
from hauberk.capture import capture
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError, ShapeError
from hauberk.losses import CrossEntropy
from hauberk.threats import LinfBall

X = torch.rand(3, 4, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 1])
NOISE = Noise.of(0, torch.arange(3))
ATTACK = PGD(CrossEntropy(), steps=2, step=0.5)
THREAT = LinfBall(0.1)


def network(**options):
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 6, **options), nn.BatchNorm1d(6, **options), nn.Linear(6, 2, **options))


@pytest.mark.parametrize(
    ("attack", "seen"),
    [
        (ATTACK, lambda net: net),
        (DeepFool(), lambda net: net),
        (Restarts(FGSM(CrossEntropy()), 2), lambda net: net),
        (ATTACK, lambda net: capture(net, X)),
    ],
    ids=["an attack", "a nearest point", "attacks in an attack", "a graph"],
)
def test_an_attack_leaves_running_statistics_and_modes_as_they_were(attack, seen):
    net = network().train()
    net[0].eval()
    target = seen(net)
    before = {name: value.clone() for name, value in net.state_dict().items()}
    z = attack(target, THREAT.at(X), Y, noise=NOISE)
    assert [part.training for part in net] == [False, True, True]
    assert all(torch.equal(value, before[name]) for name, value in net.state_dict().items())
    assert torch.equal(z, attack(net.eval(), THREAT.at(X), Y, noise=NOISE))


def test_a_plain_callable_is_attacked_in_its_own_mode():
    net = network().train()
    before = net[1].running_mean.clone()
    ATTACK(net.__call__, THREAT.at(X), Y, noise=NOISE)
    assert not torch.equal(net[1].running_mean, before)


@pytest.mark.parametrize("y", [Y.to(torch.uint8), Y.int(), Y.tolist(), np.array([0, 1, 1], dtype=np.int16)])
def test_labels_of_any_integer_type_give_the_same_answer(y):
    S = THREAT.at(X)
    assert torch.equal(ATTACK(network(), S, y, noise=NOISE), ATTACK(network(), S, Y, noise=NOISE))


@pytest.mark.parametrize("y", [Y.bool(), Y.float(), torch.eye(2)[Y], Y[:2], Y[:, None]])
def test_other_labels_are_refused(y):
    with pytest.raises(ShapeError, match="labels must be 3 integers"):
        ATTACK(network(), THREAT.at(X), y, noise=NOISE)


@pytest.mark.parametrize("wrong", [2, -1])
@pytest.mark.parametrize("attack", [ATTACK, DeepFool()], ids=["PGD", "DeepFool"])
def test_labels_without_a_logit_are_refused_by_place_and_value(attack, wrong):
    with pytest.raises(InputError, match=rf"0\.\.1 .*example 1 is {wrong}\."):
        attack(network(), THREAT.at(X), torch.tensor([0, wrong, 1]), noise=NOISE)


def test_a_threat_or_inputs_in_place_of_sets_are_refused():
    for wrong in (THREAT, X):
        with pytest.raises(InputError, match=r"threat\.at\(x\)"):
            ATTACK(network(), wrong, Y, noise=NOISE)


def test_a_surrogate_of_another_type_is_refused():
    with pytest.raises(InputError, match=r"float32, but the network's weights of type torch\.float64"):
        Transfer(ATTACK, network().double())(network(), THREAT.at(X), Y, noise=NOISE)


def test_networks_that_give_no_logits_are_refused():
    with pytest.raises(ShapeError, match="gives a tuple"):
        ATTACK(lambda x: (network()(x),), THREAT.at(X), Y, noise=NOISE)


def test_answers_have_no_gradient_and_inputs_get_none():
    x = X.clone().requires_grad_()
    z = ATTACK(network(), THREAT.at(x), Y, noise=NOISE)
    assert not z.requires_grad
    assert x.grad is None


@pytest.mark.parametrize(
    "x", [X.repeat(1, 2)[:, ::2], X.T.contiguous().T, X.expand(3, 4)], ids=["strided", "transposed", "expanded"]
)
def test_the_layout_of_inputs_does_not_matter(x):
    whole = ATTACK(network(), THREAT.at(x.contiguous()), Y, noise=NOISE)
    assert torch.equal(ATTACK(network(), THREAT.at(x), Y, noise=NOISE), whole)
