import pytest
import torch
import torch.nn.functional as F

from hauberk.attacks import FGSM, PGD, RandomMember
from hauberk.concepts.noise import Noise
from hauberk.concepts.schedule import Progress
from hauberk.errors import InputError, ShapeError
from hauberk.losses import CrossEntropy
from hauberk.objectives import Adversarial, Mixup
from hauberk.objectives.mixup import LEVELS, MixedLoss, quantiles
from hauberk.threats import LinfBall
from laws.networks import images, labels, network

B, THREAT, NOISE = 12, LinfBall(0.05), Noise.of(0, torch.arange(12))
ATTACK = PGD(CrossEntropy(), 3, 0.5, stop_when_broken=False)


def value(objective, graph, x, y, noise=NOISE):
    return objective(graph, x, y, THREAT, progress=Progress(0, 9, 3), noise=noise)


def test_it_trains_at_attacks_on_mixtures_by_the_mixed_loss():
    graph, x, y = network("dense", 1), images(B, 1), labels(B, 1)
    found = value(Mixup(ATTACK, CrossEntropy()), graph, x, y)
    weight = quantiles(1.4)[(NOISE.fold(0).common.uniform((1,))[0] * LEVELS).long()]
    order = NOISE.fold(1).uniform((1,))[:, 0].argsort().tolist()
    partner = torch.tensor([order[(order.index(i) + 1) % B] for i in range(B)])
    S = THREAT.at(weight * x + (1 - weight) * x[partner])
    z = ATTACK.climbing(MixedLoss(CrossEntropy(), y[partner], weight))(graph, S, y, noise=NOISE.fold(2))
    expected = weight * F.cross_entropy(graph(z), y) + (1 - weight) * F.cross_entropy(graph(z), y[partner])
    torch.testing.assert_close(found.loss, expected[0], rtol=0, atol=1e-12)
    assert found.correct is None
    assert found.robust is None


def test_with_the_whole_weight_it_is_plain_adversarial_training(monkeypatch):
    monkeypatch.setattr("hauberk.objectives.mixup.quantiles", lambda alpha: torch.ones(LEVELS, dtype=torch.float64))
    graph, x, y = network("dense", 2), images(B, 2), labels(B, 2)
    plain = Adversarial(FGSM(CrossEntropy(), start=RandomMember()), CrossEntropy())
    mixed = value(Mixup(plain.attack, CrossEntropy()), graph, x, y)
    assert torch.equal(mixed.loss, plain(graph, x, y, THREAT, progress=Progress(0, 9, 3), noise=NOISE.fold(2)).loss)


def test_weights_are_drawn_from_the_beta_distribution():
    drawn = torch.stack(
        [quantiles(0.5)[(Noise.of(0, NOISE.keys).fold(i).common.uniform((1,))[0] * LEVELS).long()] for i in range(4000)]
    )
    assert drawn.mean().item() == pytest.approx(0.5, abs=0.02)
    assert drawn.var().item() == pytest.approx(1 / (4 * (2 * 0.5 + 1)), abs=0.005)
    assert 0 < drawn.min() < drawn.max() < 1


def test_attacks_that_drop_examples_and_bad_arguments_are_refused():
    graph, x = network("dense", 3), images(B, 3)
    y = graph(x).argmax(1)
    y[0] = (y[0] + 1) % 3
    with pytest.raises(ShapeError, match="stop_when_broken=False"):
        value(Mixup(PGD(CrossEntropy(), 5, 0.5), CrossEntropy(), 0.01), graph, x, y)
    with pytest.raises(InputError, match="Mixup needs alpha to be"):
        Mixup(ATTACK, CrossEntropy(), 0)
