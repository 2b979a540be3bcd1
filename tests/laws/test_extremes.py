"""Bounds at the ends of the number range, against exact rational arithmetic and the network's own execution.

Every layer multiplies by one number, so that the smallest margin lies at an end of the input's range.
"""

import contextlib
import itertools
import math
from fractions import Fraction
from functools import lru_cache

import pytest
import torch
from torch import nn

from hauberk.capture import capture
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.noise import Noise
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import UnsupportedSetError
from hauberk.threats import L2Ball, LinfBall
from laws.instances import instances, label
from longer import mostly_later

BOUNDERS = [bounder for bounder in instances(Bounder) if bounder.certifies and not bounder.failure]
CHAINS = {
    "two small, one large": (1e-23, 1e-23, 1e35, -1e12),
    "one large, two small": (1e35, 1e-23, 1e-23, -1e12),
    "small, between, large": (1e-38, 1e19, 1e18, -1.0),
    "large, then small": (1e17, 1e18, 1e-38, -1e3),
    "a denormal first": (1e-40, 1e20, 1e18, -1e2),
    "a denormal last": (1e20, 1e15, -1e-40),
    "what vanishes": (1e-25, 1e-25, -1e38),
    "ordinary": (0.3, -7.0, 2.0),
}
X, EPS = torch.tensor([[0.375], [227.5], [0.5], [1e-38]]), torch.tensor([0.125, 27.5, 0.5, 1e-39])
SPEC = LinearSpec.margins(torch.zeros(len(X), dtype=torch.long), 2)


@lru_cache
def chain(scales, relu):
    """Return a network of two logits: one, and the input times all scales; and its graph."""
    layers = []
    for scale in scales[:-1]:
        layers += [nn.Linear(1, 1, bias=False), *([nn.ReLU()] if relu else [])]
        layers[-2 if relu else -1].weight.data.fill_(abs(scale))
    last = nn.Linear(1, 2)
    last.weight.data.copy_(torch.tensor([[0.0], [-scales[-1]]]))
    last.bias.data.copy_(torch.tensor([1.0, 0.0]))
    module = nn.Sequential(nn.Flatten(), *layers, last)
    return module, capture(module, X).frozen()


def exact(module, x):
    """Return the margin at an input, with the network's parameters and no rounding."""
    value = Fraction(x)
    for layer in module:
        if isinstance(layer, nn.Linear) and layer.bias is None:
            value *= Fraction(layer.weight.item())
    last = module[-1]
    return Fraction(last.bias[0].item()) - Fraction(last.weight[1, 0].item()) * value


@contextlib.contextmanager
def flushed(flush):
    """Run with or without denormal numbers."""
    if not torch.set_flush_denormal(flush):
        pytest.skip("this processor keeps denormal numbers")
    try:
        yield
    finally:
        torch.set_flush_denormal(False)


@pytest.mark.parametrize("flush", [False, True], ids=["denormal", "flushed"])
@pytest.mark.parametrize("bounder", BOUNDERS, ids=label)
@pytest.mark.parametrize("name", mostly_later(CHAINS))
def test_bounds_of_products_that_underflow_on_the_way_hold(name, bounder, flush):
    for relu, threat in itertools.product((False, True), (LinfBall, L2Ball)):
        module, graph = chain(CHAINS[name], relu)
        S = threat(EPS, None).at(X)
        box = S.bounding_box()
        with flushed(flush), torch.no_grad(), contextlib.suppress(UnsupportedSetError):
            lower = bounder(graph, S, SPEC, noise=Noise.of(0, torch.arange(len(X)))).lower[:, 0]
            run = torch.stack([SPEC.value(module(end))[:, 0] for end in (box.lower, box.upper)]).amin(0)
            assert not (lower > run).any()
            for bound, *ends in zip(lower.tolist(), box.lower.flatten(), box.upper.flatten(), strict=True):
                least = min(exact(module, end.item()) for end in ends)
                assert not math.isfinite(bound) or Fraction(bound) <= least
