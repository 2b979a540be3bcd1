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

DTYPE = torch.float64


@pytest.mark.parametrize(("inputs", "forward"), [(2, True), (30, False)])
def test_few_inputs_are_carried_forward_many_reached_backward(monkeypatch, inputs, forward):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(inputs, 12), nn.ReLU(), nn.Linear(12, 10), nn.ReLU(), nn.Linear(10, 3)).to(DTYPE)
    x = torch.rand(4, inputs, dtype=DTYPE)
    graph, S = capture(network, x).frozen(), LinfBall(0.1).at(x)
    spec = LinearSpec.margins(torch.tensor([0, 1, 2, 0]), 3, DTYPE)
    calls = []
    for name in ("forward_boxes", "backward_boxes"):
        original = getattr(module, name)

        def counted(*arguments, _name=name, _original=original, **keywords):
            calls.append(_name)
            return _original(*arguments, **keywords)

        monkeypatch.setattr(module, name, counted)
    found = DualNetwork()(graph, S, spec, outward=False).lower
    assert calls == ["forward_boxes" if forward else "backward_boxes"]
    for other in (ForwardLinear(), BackwardLinear(slopes=Parallel())):
        torch.testing.assert_close(other(graph, S, spec, outward=False).lower, found, rtol=0, atol=1e-12)
