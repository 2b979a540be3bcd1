"""Losses between an attack's and a bound's: their order, and their ends."""

import pytest
import torch
import torch.nn.functional as F

from hauberk.attacks import PGD
from hauberk.bounds import Interval
from hauberk.concepts.noise import Noise
from hauberk.concepts.schedule import Progress
from hauberk.errors import InputError
from hauberk.losses import CrossEntropy, Margin
from hauberk.objectives import CCIBP, EXPIBP, MTLIBP, Certified
from hauberk.schedules import Constant
from hauberk.threats import LinfBall
from laws.networks import images, labels, network
from longer import mostly_later

B, THREAT, ATTACK = 12, LinfBall(0.05), PGD(Margin(), 3, 0.4, False)
BLENDS = [MTLIBP, CCIBP, EXPIBP]


def loss(objective, graph, x, y, threat=THREAT):
    noise = Noise.of(0, torch.arange(len(y)))
    return objective(graph, x, y, threat, progress=Progress(0, 1, 1), noise=noise).loss


def blended(kind, share, clean=0.0, **changes):
    return kind(Interval(), ATTACK, Constant(share), CrossEntropy(), Constant(clean), **changes)


@pytest.mark.parametrize("share", mostly_later([0.3, 0.0, 0.01, 0.5, 0.9, 1.0]))
@pytest.mark.parametrize("name", ["dense", "convolutional", "residual"])
def test_the_published_order(name, share):
    for seed in range(5):
        graph, x, y = network(name, seed), images(B, seed), labels(B, seed)
        attacked, bounded = (loss(blended(MTLIBP, end), graph, x, y) for end in (0.0, 1.0))
        mtl, cc, exp = (loss(blended(kind, share), graph, x, y) for kind in BLENDS)
        assert attacked - 1e-9 <= cc <= mtl + 1e-9
        assert mtl <= bounded + 1e-9
        assert exp <= mtl + 1e-9


@pytest.mark.parametrize("kind", BLENDS)
def test_the_ends_are_the_attack_and_the_bound(kind):
    graph, x, y = network("residual", 1), images(B, 1), labels(B, 1)
    z = ATTACK(graph.run(x)[1].folded(), THREAT.at(x), y, noise=Noise.of(0, torch.arange(B)).fold(1))
    torch.testing.assert_close(loss(blended(kind, 0.0), graph, x, y), F.cross_entropy(graph(z), y))
    bound = loss(Certified(Interval(), CrossEntropy(), Constant(0.0)), graph, x, y)
    torch.testing.assert_close(loss(blended(kind, 1.0), graph, x, y), bound)
    clean = loss(blended(kind, 0.5, clean=1.0), graph, x, y)
    torch.testing.assert_close(clean, F.cross_entropy(graph(x), y))


def test_the_attack_may_go_farther_than_the_bound():
    graph, x, y = network("dense", 2), images(B, 2), labels(B, 2)
    near, far = (loss(blended(MTLIBP, 0.0, attack_scale=scale), graph, x, y) for scale in (1.0, 2.0))
    wide = loss(blended(MTLIBP, 0.0), graph, x, y, LinfBall(0.1))
    assert far > near
    torch.testing.assert_close(far, wide)


@pytest.mark.parametrize("kind", BLENDS)
def test_an_attack_must_reach_somewhere(kind):
    with pytest.raises(InputError, match=f"{kind.__name__} needs attack_scale to be"):
        blended(kind, 0.5, attack_scale=0)


def test_examples_that_are_as_sure_as_can_be_have_finite_gradients():
    graph, x, y = network("dense", 3), images(B, 3), labels(B, 3)
    with torch.no_grad():
        graph.module[-1].weight.zero_()
        graph.module[-1].bias.copy_(torch.tensor([2000.0, 0, 0, 0]))
    value = loss(blended(EXPIBP, 0.3), graph, x, torch.zeros_like(y))
    value.backward()
    assert value.item() == pytest.approx(0, abs=1e-12)
    assert all(p.grad.isfinite().all() for p in graph.module.parameters())
