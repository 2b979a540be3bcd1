"""Loss fusion: one row bounds the worst cross-entropy, by the checks of its method card."""

import pytest
import torch
import torch.nn.functional as F

from hauberk.bounds import Interval
from hauberk.concepts.noise import Noise
from hauberk.concepts.schedule import Progress
from hauberk.losses import CrossEntropy
from hauberk.objectives import FusedCertified
from hauberk.objectives.fused import chords
from hauberk.schedules import Constant
from hauberk.threats import L2Ball, LinfBall
from laws.networks import images, labels, network

OBJECTIVE = FusedCertified(Interval(), CrossEntropy(), Constant(0.0))


def loss(graph, x, y, threat):
    noise = Noise.of(0, torch.arange(len(y)))
    return OBJECTIVE(graph, x, y, threat, progress=Progress(0, 1, 1), noise=noise).loss


@pytest.mark.parametrize("threat", [LinfBall(0.08), L2Ball(0.3)], ids=str)
@pytest.mark.parametrize("name", ["dense", "convolutional", "residual"])
def test_no_sampled_point_has_a_larger_loss(name, threat):
    graph, x, y = network(name, 1), images(4, 1), labels(4, 1)
    for one in range(4):
        some = slice(one, one + 1)
        bound = loss(graph, x[some], y[some], threat)
        points = threat.at(x[some].expand(2000, -1, -1, -1)).sample(Noise.of(1, torch.arange(2000)))
        assert F.cross_entropy(graph(points), y[some].expand(2000), reduction="none").max() <= bound + 1e-9


@pytest.mark.parametrize("name", ["dense", "convolutional", "residual"])
def test_without_a_radius_it_is_the_cross_entropy(name):
    graph, x, y = network(name, 2), images(6, 2), labels(6, 2)
    torch.testing.assert_close(loss(graph, x, y, LinfBall(0.0)), F.cross_entropy(graph(x), y), rtol=0, atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 6.0, 30.0])
def test_single_precision_follows_double_where_margins_are_far_below_zero(scale):
    found = []
    for dtype in (torch.float64, torch.float32):
        graph, x, y = network("dense", 3, scale, dtype), images(6, 3, dtype), labels(6, 3)
        value = loss(graph, x, y, LinfBall(0.5))
        found.append((value, *torch.autograd.grad(value, graph.module.parameters())))
    assert scale == 1.0 or found[0][0] > 88, "exp(88) is the largest in single precision"
    for double, single in zip(*found, strict=True):
        torch.testing.assert_close(single.double(), double, rtol=1e-3, atol=1e-4 * double.abs().max().item())


def test_chords_lie_above_the_exponential_and_meet_it_at_both_ends():
    lower = torch.tensor([[-3.0, 0.0, 2.0, 1.0]], dtype=torch.float64)
    upper = lower + torch.tensor([[4.0, 1e-3, 0.5, 0.0]], dtype=torch.float64)
    slope, intercept = chords(lower, upper, torch.zeros(len(lower), 1, dtype=lower.dtype))
    for share in torch.linspace(0, 1, 11):
        m = torch.lerp(lower, upper, share.double())
        assert (slope * m + intercept >= torch.exp(-m) - 1e-12).all()
    for end in (lower, upper):
        torch.testing.assert_close(slope * end + intercept, torch.exp(-end))
