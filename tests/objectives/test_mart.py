"""MART: its formula written out in probabilities, and what the attack sees."""

import pytest
import torch

from hauberk.attacks import FGSM, PGD, Jittered
from hauberk.concepts.noise import Noise
from hauberk.concepts.schedule import Progress
from hauberk.errors import InputError
from hauberk.losses import CrossEntropy
from hauberk.objectives import MART
from hauberk.objectives.mart import boosted
from hauberk.threats import LinfBall
from laws.networks import CLASSES, images, labels, network

B, THREAT, NOISE = 12, LinfBall(0.05), Noise.of(0, torch.arange(12))
ATTACK = PGD(CrossEntropy(), 3, 0.5, stop_when_broken=False, start=Jittered())


def value(objective, graph, x, y):
    return objective(graph, x, y, THREAT, progress=Progress(0, 9, 3), noise=NOISE)


def formula(clean, attacked, y, weight):
    """Return the loss of each example from the logits, term by term as published."""
    losses = []
    for p, q, label in zip(clean.softmax(1), attacked.softmax(1), y.tolist(), strict=True):
        wrong = max(range(CLASSES), key=lambda k: q[k].item() if k != label else -1)
        cross_entropy = -q[label].log() - (1 - q[wrong]).log()
        divergence = sum(p[k] * (p[k] / q[k]).log() for k in range(CLASSES))
        losses.append(cross_entropy + weight * divergence * (1 - p[label]))
    return torch.stack(losses)


def test_it_is_the_published_formula_at_the_attacks_answers():
    graph, x, y = network("dense", 1), images(B, 1), labels(B, 1)
    clean, attacked = graph(x), graph(ATTACK(graph, THREAT.at(x), y, noise=NOISE))
    found = value(MART(ATTACK, 2.5), graph, x, y)
    torch.testing.assert_close(found.loss, formula(clean, attacked, y, 2.5).mean(), rtol=0, atol=1e-12)
    torch.testing.assert_close(found.parts["boosted"], formula(clean, attacked, y, 0).mean(), rtol=0, atol=1e-12)
    assert torch.equal(found.correct, clean.argmax(1) == y)
    assert torch.equal(found.robust, attacked.argmax(1) == y)
    assert MART(ATTACK).beta == 5


def test_gradients_flow_through_every_term():
    graph, x, y = network("dense", 2), images(B, 2), labels(B, 2)
    z = ATTACK(graph, THREAT.at(x), y, noise=NOISE)
    weights = list(graph.module.parameters())
    expected = torch.autograd.grad(formula(graph(x), graph(z), y, 5).mean(), weights)
    found = torch.autograd.grad(value(MART(ATTACK), graph, x, y).loss, weights)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
def test_the_boosted_loss_of_sure_answers_is_exact_and_has_finite_gradients(dtype):
    """With logits (0, h): -log p_0 - log(1 - p_1) = 2 log(1 + exp(h))."""
    h = torch.tensor([-1e4, -30, 0, 30, 1e4], dtype=dtype, requires_grad=True)
    found = boosted(torch.stack([torch.zeros_like(h), h], 1), torch.zeros(5, dtype=torch.long))
    torch.testing.assert_close(found, 2 * torch.nn.functional.softplus(h, threshold=1e3))
    (gradient,) = torch.autograd.grad(found.sum(), h)
    torch.testing.assert_close(gradient, 2 * torch.sigmoid(h))


def test_the_attack_sees_the_network_in_eval_mode_and_the_loss_as_it_was():
    graph, x, y = network("convolutional", 3), images(B, 3), labels(B, 3)
    modes = []
    handle = graph.module.register_forward_pre_hook(lambda module, _: modes.append(module.training))
    graph.module.train()
    try:
        value(MART(ATTACK), graph, x, y)
        assert graph.module.training
    finally:
        handle.remove()
        graph.module.eval()
    assert modes == [False] * 3 + [True] * 2


@pytest.mark.parametrize("beta", [-1.0, float("nan")])
def test_weights_below_zero_are_refused(beta):
    with pytest.raises(InputError, match=f"MART needs beta to be a number, 0 or more, but it is {beta}"):
        MART(FGSM(CrossEntropy()), beta)
