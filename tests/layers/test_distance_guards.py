"""Distances of wrong sizes, of nothing and of equal points, and exponents out of range."""

import math

import pytest
import torch
from torch import nn

from hauberk.bounds import Interval
from hauberk.capture import capture
from hauberk.concepts.noise import Noise
from hauberk.concepts.schedule import Progress, Schedule
from hauberk.errors import InputError, ShapeError
from hauberk.layers import LpDistance, LpDistance2d, MeanShift, ScaledLinear, SortDistance
from hauberk.losses import CrossEntropy
from hauberk.objectives import FeatureBounds, LpRelaxed, MarginHinge
from hauberk.schedules import Constant
from hauberk.threats import LinfBall

PROGRESS, NOISE = Progress(step=0, steps=2, steps_per_epoch=2), Noise.of(0, torch.arange(4))


@pytest.mark.parametrize("size", [3, 5, 65, 64 * 1000])
@pytest.mark.parametrize("layer", [LpDistance(4, 2), SortDistance(4, 2, 0.5).eval(), SortDistance(4, 2, 0.5)])
def test_inputs_of_another_number_are_refused(layer, size):
    with pytest.raises(ShapeError, match="4"):
        layer(torch.randn(3, size))
    with pytest.raises(ShapeError, match="4"):
        layer(torch.randn(4))


def test_images_of_other_channels_are_refused():
    with pytest.raises(ShapeError, match="27"):
        LpDistance2d(3, 4, 3)(torch.rand(2, 1, 5, 5))
    with pytest.raises(ShapeError, match="3 channels"):
        MeanShift(3)(torch.rand(2, 1, 5, 5))


@pytest.mark.parametrize("p", [2.0, 8.0, 8.5, 1000.0])
def test_an_input_that_equals_a_weight_has_no_distance_and_no_gradient(p):
    layer = LpDistance(5, 3)
    layer.relax(p)
    x = layer.weight.detach()[:1].clone().requires_grad_()
    u = layer(x)
    assert u[0, 0] == 0
    u[0, 0].backward()
    assert not x.grad.any()
    assert not layer.weight.grad.any()


@pytest.mark.parametrize("p", [0.5, -1.0, math.nan, 1e9])
def test_exponents_out_of_range_are_refused(p):
    with pytest.raises(InputError, match=r"exponent"):
        LpDistance(2, 2).relax(p)


@pytest.mark.parametrize("p", [math.inf, math.nan])
def test_a_schedule_of_p_that_is_not_finite_is_refused(p):
    class Unbounded(Schedule):
        def __call__(self, progress: Progress) -> float:
            return p

    objective = LpRelaxed(MarginHinge(), Unbounded())
    with pytest.raises(InputError, match="finite"):
        objective(
            LpDistance(2, 2), torch.rand(4, 2), torch.zeros(4).long(), LinfBall(0.1), progress=PROGRESS, noise=NOISE
        )


def classifier():
    layers = [LpDistance(6, 8, identity=None), MeanShift(8), SortDistance(8, 7, 0.5, identity=None), MeanShift(7)]
    return nn.Sequential(*layers, ScaledLinear(7, 5), nn.Tanh(), ScaledLinear(5, 3)).train()


def test_classifiers_train_on_features_with_masks_and_finite_p():
    network, x, y = classifier(), torch.rand(4, 6), torch.zeros(4).long()
    ones = Constant(1.0)
    objective = FeatureBounds(Interval(), CrossEntropy(), CrossEntropy(), ones, ones)
    losses = set()
    for p in (2, math.inf):
        for seed in range(3):
            graph = capture(network, x)
            for layer in (network[0], network[2]):
                layer.relax(p)
            torch.manual_seed(seed)
            value = objective(graph, x, y, LinfBall(0.01), progress=PROGRESS, noise=NOISE)
            losses.add(round(value.loss.item(), 6))
            assert (value.robust is None) == (p == 2)
    assert len(losses) > 4


def test_nothing_counts_as_certified_on_layers_that_stretch():
    x, y = torch.rand(4, 2), torch.zeros(4).long()
    for network, known in ((nn.Linear(2, 2), False), (LpDistance(2, 2), True)):
        value = MarginHinge()(network, x, y, LinfBall(0.1), progress=PROGRESS, noise=NOISE)
        assert (value.robust is not None) == known
