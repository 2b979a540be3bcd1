import pytest
import torch

from hauberk.bounds import BackwardLinear, DualNetwork
from hauberk.concepts.specification import LinearSpec
from hauberk.threats import LinfBall
from laws.networks import CLASSES, images, labels, network

B = 4
BUDGET = 6000  # a few rows at a time, so that examples are bounded in several groups


@pytest.mark.parametrize("bounder", [BackwardLinear, DualNetwork])
@pytest.mark.parametrize("name", ["pooled", "convolutional"])
def test_recomputed_bounds_have_the_values_and_gradients_of_stored_ones(bounder, name):
    found = []
    for frugal in (False, True):
        graph = network(name, 1)
        S, spec = LinfBall(0.2).at(images(B, 1)), LinearSpec.margins(labels(B, 1), CLASSES, torch.float64)
        lower = bounder(budget=BUDGET, frugal=frugal)(graph.frozen(), S, spec, outward=False).lower
        found.append(
            [lower, *torch.autograd.grad(lower.sum(), list(graph.module.parameters()), materialize_grads=True)]
        )
    for stored, recomputed in zip(*found, strict=True):
        torch.testing.assert_close(recomputed, stored, rtol=0, atol=1e-12)
