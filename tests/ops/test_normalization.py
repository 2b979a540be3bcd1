"""The eps of an RMS norm that is given none: that of the network's own numbers, whatever bounds compute in."""

import pytest
import torch
from torch import nn

from hauberk.bounds import BackwardLinear, Interval
from hauberk.capture import capture
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject
from hauberk.threats import LinfBall
from hauberk.verification import ByBound


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_norm_without_eps_has_that_of_the_networks_numbers(dtype):
    torch.manual_seed(0)
    network = nn.Sequential(nn.RMSNorm(4), nn.Linear(4, 3)).to(dtype).eval()
    x = 1e-4 * torch.rand(2, 4, dtype=dtype)  # whose squares are below the eps of float32
    graph = capture(network, x)
    torch.testing.assert_close(graph.frozen()(x), network(x))


@pytest.mark.parametrize("float64", [False, True])
def test_a_network_in_float32_has_the_same_certificate_in_either_precision(float64):
    torch.manual_seed(0)
    network = nn.Sequential(nn.RMSNorm(4), nn.Linear(4, 3)).eval()
    x = 1e-3 * torch.rand(2, 4)
    spec, S = LinearSpec.margins(network(x).argmax(1), 3), LinfBall(1e-9, None).at(x)
    subject = NetworkSubject(network, capture(network, x))
    lower = ByBound(BackwardLinear(Interval()), float64=float64)(subject, S, spec).lower
    torch.testing.assert_close(lower.float(), spec.value(network(x)).detach(), rtol=0, atol=1e-3)
