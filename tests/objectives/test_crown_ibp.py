import pytest
import torch

from hauberk.bounds import BackwardLinear, Interval
from hauberk.concepts.noise import Noise
from hauberk.concepts.schedule import Progress
from hauberk.losses import CrossEntropy
from hauberk.objectives import CROWNIBP, Certified
from hauberk.schedules import Constant, WithRadius
from hauberk.threats import LinfBall
from laws.networks import images, labels, network

B = 12


def value(objective, share=1.0):
    graph, x, y = network("convolutional", 1), images(B, 1), labels(B, 1)
    noise = Noise.of(0, torch.arange(B))
    return objective(graph, x, y, LinfBall(0.05), progress=Progress(0, 1, 1, share), noise=noise)


def mixed(schedule):
    return CROWNIBP(Interval(), CrossEntropy(), Constant(0.2), schedule)


@pytest.mark.parametrize(("beta", "bounder"), [(1.0, BackwardLinear(Interval())), (0.0, Interval())])
def test_its_ends_are_its_two_bounds(beta, bounder):
    found, expected = value(mixed(Constant(beta))), value(Certified(bounder, CrossEntropy(), Constant(0.2)))
    torch.testing.assert_close(found.loss, expected.loss, rtol=0, atol=1e-12)
    assert torch.equal(found.robust, expected.robust)


def test_in_between_its_margins_are_their_mean():
    found = value(mixed(Constant(0.25))).parts["robust"]
    ends = [value(mixed(Constant(beta))).parts["robust"] for beta in (0.0, 1.0)]
    assert min(ends) < found < max(ends)


def test_the_weight_goes_with_the_radius():
    schedule = WithRadius(1.0, 0.0)
    assert [schedule(Progress(0, 1, 1, share)) for share in (0.0, 0.25, 1.0)] == [1.0, 0.75, 0.0]
    half = value(mixed(schedule), 0.5).loss
    torch.testing.assert_close(half, value(mixed(Constant(0.5))).loss, rtol=0, atol=1e-12)
