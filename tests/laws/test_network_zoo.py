"""Any network: bounded soundly, or attacked with a reason why it cannot be bounded."""

from importlib import import_module
from pkgutil import iter_modules

import pytest
import torch

import network_zoo
from hauberk.attacks import PGD
from hauberk.bounds import BackwardLinear, ForwardLinear, Interval
from hauberk.capture import capture
from hauberk.concepts.dataset import Split
from hauberk.concepts.noise import Noise
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import UnsupportedOpError
from hauberk.evaluation import Evaluator
from hauberk.losses import CrossEntropy
from hauberk.threats import LinfBall
from hauberk.verification import ByBound
from longer import mostly_later

FILES = [import_module(f"network_zoo.{file.name}") for file in iter_modules(network_zoo.__path__)]
NETWORKS = {f"{file.__name__.split('.')[1]}: {name}": build for file in FILES for name, build in file.NETWORKS.items()}
EPS = 0.05
ATTACK = PGD(CrossEntropy(), steps=3, step=0.5)


def sampled(x, points=20):
    """Return points of the l_inf ball around each example, its corners included."""
    generator = torch.Generator().manual_seed(1)
    inside = torch.rand(points, *x.shape, generator=generator) * 2 - 1
    return (x + EPS * torch.cat([inside, inside.sign()])).flatten(0, 1)


@pytest.mark.parametrize("name", mostly_later(NETWORKS, every=8))
def test_a_network_is_bounded_soundly_or_says_why_not_and_is_attacked(unchecked, name):
    torch.manual_seed(0)
    network, x = NETWORKS[name]()
    S = LinfBall(EPS, None).at(x)
    with torch.no_grad():
        classes = network(x).shape[1]
        y = network(x).argmax(1)
    found = ATTACK(network, S, y, noise=Noise.of(0, torch.arange(2)))
    assert S.contains(found).all()
    try:
        graph = capture(network, x)
    except UnsupportedOpError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert len(refusal.splitlines()[0]) > 20
        return
    spec, points = LinearSpec.margins(y, classes), sampled(x)
    with torch.no_grad():
        pieces = [network(piece) for piece in (*points.split(len(x)), found)]
        margins = torch.stack([spec.value(piece) for piece in pieces])
        for bounder in (Interval(), BackwardLinear(Interval()), BackwardLinear(), ForwardLinear()):
            lower = bounder(graph.frozen(), S, spec).lower
            assert lower.isfinite().all()
            assert (margins >= lower).all(), bounder


@pytest.mark.parametrize("name", mostly_later([n for n in NETWORKS if n.startswith("wrappers")], every=16))
def test_an_evaluation_attacks_whatever_cannot_be_bounded(unchecked, tmp_path, name):
    torch.manual_seed(0)
    network, x = NETWORKS[name]()
    with torch.no_grad():
        data = Split(x, network(x).argmax(1))
    evaluator = Evaluator({"PGD": ATTACK}, [ByBound(Interval())])
    summary = evaluator.evaluate(network, data, LinfBall(EPS), tmp_path)
    assert summary["attacked"]["count"] <= summary["clean"]["count"] == len(x)
