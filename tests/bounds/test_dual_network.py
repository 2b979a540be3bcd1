"""The dual network picks its direction; both give the same bounds."""

import pytest
import torch
from torch import nn

import hauberk.bounds.dual_network as module
from hauberk.bounds import BackwardLinear, DualNetwork, ForwardLinear
from hauberk.capture import capture
from hauberk.concepts.slopes import Parallel
from hauberk.concepts.specification import LinearSpec
from hauberk.threats import LinfBall
from laws.networks import CLASSES, images, labels, network

DTYPE = torch.float64


@pytest.mark.parametrize(("inputs", "forward"), [(2, True), (30, False)])
def test_few_inputs_are_carried_forward_many_reached_backward(monkeypatch, inputs, forward):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(inputs, 12), nn.ReLU(), nn.Linear(12, 10), nn.ReLU(), nn.Linear(10, 3)).to(DTYPE)
    x = torch.rand(4, inputs, dtype=DTYPE)
    graph, S = capture(network, x).frozen(), LinfBall(0.1).at(x)
    spec = LinearSpec.margins(torch.tensor([0, 1, 2, 0]), 3, DTYPE)
    calls = []
    for name in ("carried_forward", "reached_backward"):
        original = getattr(module, name)

        def counted(*arguments, _name=name, _original=original, **keywords):
            calls.append(_name)
            return _original(*arguments, **keywords)

        monkeypatch.setattr(module, name, counted)
    for intersect in (True, False, None):
        found = DualNetwork(intersect=intersect)(graph, S, spec, outward=False).lower
        other = ForwardLinear(intersect=intersect)(graph, S, spec, outward=False).lower
        torch.testing.assert_close(other, found, rtol=0, atol=1e-12)
    assert calls == 4 * ["carried_forward" if forward else "reached_backward"]
    fast_lin = BackwardLinear(slopes=Parallel())(graph, S, spec, outward=False).lower
    found = DualNetwork(intersect=True)(graph, S, spec, outward=False).lower
    torch.testing.assert_close(fast_lin, found, rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", [DualNetwork, ForwardLinear])
def test_by_default_both_ways_are_tried_and_neither_is_always_the_better(method):
    wins = {True: 0, False: 0}
    for seed in range(4):
        graph, x = network("dense", seed, 2.0).frozen(), images(8, seed)
        S, spec = LinfBall(0.2).at(x), LinearSpec.margins(labels(8, seed), CLASSES, DTYPE)
        best, cut, alone = (method(intersect=way)(graph, S, spec) for way in (None, True, False))
        assert torch.equal(best.lower, torch.maximum(cut.lower, alone.lower))
        for box, one, other in zip(best.boxes, cut.boxes, alone.boxes, strict=True):
            assert torch.equal(box.lower, torch.maximum(one.lower, other.lower))
            assert torch.equal(box.upper, torch.minimum(one.upper, other.upper))
        wins[True] += (cut.lower > alone.lower + 1e-6).sum().item()
        wins[False] += (alone.lower > cut.lower + 1e-6).sum().item()
    assert min(wins.values()) > 0
