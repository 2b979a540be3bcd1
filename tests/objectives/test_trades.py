import pytest
import torch
import torch.nn.functional as F

from hauberk.attacks import FGSM, PGD, Jittered
from hauberk.concepts.noise import Noise
from hauberk.concepts.schedule import Progress
from hauberk.errors import InputError, ShapeError
from hauberk.losses import CrossEntropy
from hauberk.objectives import TRADES
from hauberk.objectives.trades import Divergence
from hauberk.threats import LinfBall
from laws.networks import images, labels, network

B, THREAT, NOISE = 12, LinfBall(0.05), Noise.of(0, torch.arange(12))
ATTACK = PGD(CrossEntropy(), 3, 0.5, stop_when_broken=False, start=Jittered())


def value(objective, graph, x, y):
    return objective(graph, x, y, THREAT, progress=Progress(0, 9, 3), noise=NOISE)


def test_it_is_the_clean_loss_and_beta_times_the_divergence_at_the_attack_on_it():
    graph, x, y = network("dense", 1), images(B, 1), labels(B, 1)
    found = value(TRADES(ATTACK, CrossEntropy(), 2.5), graph, x, y)
    clean = graph(x).softmax(1)
    z = ATTACK.climbing(Divergence(clean.log().detach()))(graph, THREAT.at(x), y, noise=NOISE)
    attacked = graph(z)
    divergence = (clean * (clean.log() - attacked.log_softmax(1))).sum(1).mean()
    torch.testing.assert_close(found.loss, F.cross_entropy(graph(x), y) + 2.5 * divergence, rtol=0, atol=1e-12)
    assert torch.equal(found.correct, graph(x).argmax(1) == y)
    assert torch.equal(found.robust, attacked.argmax(1) == y)
    nothing = Divergence(clean.log())(graph(x), y)
    torch.testing.assert_close(nothing, torch.zeros_like(nothing), rtol=0, atol=1e-12)
    assert (Divergence(clean.log())(attacked, y) > 0).all()


def test_gradients_flow_through_clean_and_attacked_logits():
    graph, x, y = network("dense", 2), images(B, 2), labels(B, 2)
    objective = TRADES(ATTACK, CrossEntropy())
    z = ATTACK.climbing(Divergence(graph(x).log_softmax(1).detach()))(graph, THREAT.at(x), y, noise=NOISE)
    clean, attacked = graph(x), graph(z)
    loss = F.cross_entropy(clean, y) + 6 * F.kl_div(attacked.log_softmax(1), clean.softmax(1), reduction="batchmean")
    weights = list(graph.module.parameters())
    expected = torch.autograd.grad(loss, weights)
    found = torch.autograd.grad(value(objective, graph, x, y).loss, weights)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_the_attack_sees_the_network_in_eval_mode_and_the_loss_as_it_was():
    graph, x, y = network("convolutional", 3), images(B, 3), labels(B, 3)
    modes = []
    handle = graph.module.register_forward_pre_hook(lambda module, _: modes.append(module.training))
    graph.module.train()
    try:
        value(TRADES(ATTACK, CrossEntropy()), graph, x, y)
        assert graph.module.training
    finally:
        handle.remove()
        graph.module.eval()
    assert modes == [False] * 4 + [True] * 2


def test_attacks_that_drop_examples_and_bad_weights_are_refused():
    graph, x = network("dense", 4), images(B, 4)
    y = graph(x).argmax(1)
    y[0] = (y[0] + 1) % 3
    with pytest.raises(ShapeError, match="stop_when_broken=False"):
        value(TRADES(PGD(CrossEntropy(), 3, 0.5), CrossEntropy()), graph, x, y)
    with pytest.raises(InputError, match="TRADES needs beta to be a number, 0 or more, but it is -1"):
        TRADES(FGSM(CrossEntropy()), CrossEntropy(), -1)
