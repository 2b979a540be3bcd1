"""Graphs of networks that have changed since."""

import pytest
import torch
from torch import nn

from hauberk.bounds import Interval
from hauberk.capture import capture
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import CaptureError
from hauberk.threats import LinfBall
from hauberk.verification import ByBound


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.scale = nn.Linear(4, 3), 2.0

    def forward(self, x):
        return self.layer(x) * self.scale


def hook(module):
    module.layer.register_forward_hook(lambda layer, given, found: found + 1)


def rescale(module):
    module.scale = 2.5


@pytest.mark.parametrize("change", [hook, rescale])
def test_a_proof_on_a_stale_graph_is_refused_until_it_is_captured_again(change):
    torch.manual_seed(0)
    module, x = Scaled(), torch.rand(2, 4)
    S, spec = LinfBall(0.1).at(x), LinearSpec.margins(torch.tensor([0, 1]), 3)
    verifier, graph = ByBound(Interval()), capture(module, x)
    verifier(NetworkSubject(module, graph), S, spec)
    with torch.no_grad():
        module.layer.weight.mul_(3)  # live
    verifier(NetworkSubject(module, graph), S, spec)
    change(module)
    with pytest.raises(CaptureError, match="changed since it was captured"):
        verifier(NetworkSubject(module, graph), S, spec)
    verifier(NetworkSubject(module, capture(module, x)), S, spec)
