import pytest
import torch
from torch import nn

from hauberk.attacks import PGD
from hauberk.bounds import BackwardLinear, Interval, OverBox
from hauberk.capture import capture
from hauberk.concepts.noise import Noise
from hauberk.concepts.specification import LinearSpec
from hauberk.losses import Margin
from hauberk.threats import L1Ball, L2Ball, LinfBall, WassersteinBall
from longer import mostly_later
from transports import pictures


@pytest.fixture
def network():
    torch.manual_seed(0)
    layers = [nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(64, 10), nn.ReLU(), nn.Linear(10, 3)]
    return nn.Sequential(*layers).double()


def problem(network, x, threat):
    return capture(network, x).frozen(), threat.at(x), LinearSpec.margins(network(x).argmax(1), 3, x.dtype)


@pytest.mark.parametrize("bounder", [Interval(), BackwardLinear()])
@pytest.mark.parametrize(
    "threat", [L1Ball(0.5), L2Ball(0.5), WassersteinBall(0.05), WassersteinBall(0.05, within=None)]
)
def test_boxes_lose_what_sets_know(network, bounder, threat):
    x = pictures(8, (1, 6, 6), seed=1)
    graph, S, spec = problem(network, x, threat)
    over, own = OverBox(bounder)(graph, S, spec), bounder(graph, S, spec)
    assert (over.lower <= own.lower + 1e-9).all()
    assert (over.lower < own.lower - 1e-3).any()
    torch.testing.assert_close(OverBox(bounder).boxes(graph, S)[0].upper, S.bounding_box().upper)


def test_boxes_are_their_own_boxes(network):
    x = pictures(3, (1, 6, 6), seed=2)
    graph, S, spec = problem(network, x, LinfBall(0.05))
    torch.testing.assert_close(OverBox(Interval())(graph, S, spec).lower, Interval()(graph, S, spec).lower)


@pytest.mark.parametrize("within", [None, (0.0, 1.0)])
@pytest.mark.parametrize("eps", mostly_later([0.1, 0.01, 0.5]))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_transport_crosses_a_bound(network, within, eps, dtype):
    network = network.to(dtype)
    x = pictures(12, (1, 6, 6), seed=3).to(dtype)
    y = network(x).argmax(1)
    graph, S, spec = problem(network, x, WassersteinBall(eps, within=within))
    noise = Noise.of(0, torch.arange(12))
    attack = PGD(Margin(), steps=12, step=0.1, stop_when_broken=False)
    points = [S.start, S.sample(noise), attack(network, S, y, noise=noise)]
    for bounder in (Interval(), BackwardLinear(), BackwardLinear(Interval()), OverBox(BackwardLinear())):
        lower = bounder(graph, S, spec).lower
        for z in points:
            logits = network(z)
            margins = torch.stack([row @ one for row, one in zip(spec.rows, logits, strict=True)]) + spec.offset
            assert (margins >= lower).all()
