import pytest
import torch

from hauberk.bounds import BackwardLinear, DualNetwork, ForwardLinear, Interval
from hauberk.concepts.slopes import Parallel
from hauberk.concepts.specification import LinearSpec
from hauberk.propagation.unit_bounds import Units
from hauberk.threats import L2Ball, LinfBall
from laws.networks import CLASSES, images, labels, network
from step_counts import StepCounts

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


@pytest.fixture
def accelerated(monkeypatch):
    """Let passes take the ways of accelerators."""
    monkeypatch.setattr(Units, "waits", True)


METHODS = {
    "interval": (Interval(), 0),
    "CROWN-IBP": (BackwardLinear(Interval()), 0),
    "CROWN": (BackwardLinear(), 1),
    "CROWN in groups": (BackwardLinear(budget=BUDGET), 1),
    "Fast-Lin": (BackwardLinear(slopes=Parallel()), 1),
    "dual, both ways": (DualNetwork(), 2),
    "dual, forward, both ways": (ForwardLinear(), 2),
}


@pytest.mark.usefixtures("accelerated")
@pytest.mark.parametrize(("bounder", "waits"), METHODS.values(), ids=METHODS)
@pytest.mark.parametrize("ball", [LinfBall(0.1), L2Ball(0.5)], ids=lambda ball: type(ball).__name__)
@pytest.mark.parametrize("name", ["dense", "convolutional", "residual"])
def test_a_pass_waits_once_a_layer_whose_neurons_it_selects(name, ball, bounder, waits):
    graph = network(name, 1).frozen()
    S, spec = ball.at(images(B, 1)), LinearSpec.margins(labels(B, 1), CLASSES, torch.float64)
    bounder(graph, S, spec)  # what is computed once, such as kernels' norms, may wait
    with StepCounts() as counts:
        bounder(graph, S, spec)
    selected = len([i for i in graph.relaxed if i not in graph.mixed_once])
    exact = 0 if S.is_box else len(graph.first_mixing)  # by the support function, of all neurons
    assert len(counts.waits) <= waits * selected + max(waits, 1) * exact, counts.waits


@pytest.mark.parametrize("budget", [None, BUDGET])
@pytest.mark.parametrize("name", ["convolutional", "residual", "pooled"])
def test_accelerators_get_the_bounds_and_gradients_of_cpus(name, budget, monkeypatch):
    found = []
    for waits in (False, True):
        monkeypatch.setattr(Units, "waits", waits)
        graph = network(name, 1)
        S, spec = LinfBall(0.2).at(images(B, 1)), LinearSpec.margins(labels(B, 1), CLASSES, torch.float64)
        bounds = BackwardLinear(budget=budget)(graph.frozen(), S, spec)
        ends = [end for box in bounds.boxes for end in (box.lower, box.upper)]
        weights = list(graph.module.parameters())
        found.append([*ends, *torch.autograd.grad(bounds.lower.sum(), weights, materialize_grads=True)])
    for ours, theirs in zip(*found, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-12)
