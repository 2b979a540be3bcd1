"""Optimised slopes between CROWN and the linear program."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from hauberk.bounds import BackwardLinear, Interval, LinearProgram, OptimizedLinear
from hauberk.capture import capture
from hauberk.concepts.noise import Noise
from hauberk.concepts.slopes import Adaptive, Constant, Given
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import InputError
from hauberk.threats import LinfBall
from laws.networks import CLASSES, images, labels, network
from longer import mostly_later

DTYPE = torch.float64


def problem(name, seed, eps=0.3):
    S, y = LinfBall(eps).at(images(3, seed)), labels(3, seed)
    return network(name, seed).frozen(), S, LinearSpec.margins(y, CLASSES, DTYPE)


@pytest.mark.parametrize("name", ["dense", "residual", "smooth", "max pooled"])
@pytest.mark.parametrize("outward", mostly_later([True, False]))
def test_optimised_bounds_are_at_least_those_of_crown_and_improve_somewhere(name, outward):
    graph, S, spec = problem(name, 1)
    crown = BackwardLinear()(graph, S, spec, outward=outward).lower
    found = OptimizedLinear(10)(graph, S, spec, outward=outward).lower
    assert (found >= crown - 1e-9).all()
    assert (found - crown).max() > 1e-3


def test_hidden_bounds_improve_with_the_iterations():
    graph, S, _ = problem("dense", 1)
    widths = [
        sum(box.radius.sum() for box in OptimizedLinear(iterations).boxes(graph, S, outward=False))
        for iterations in (0, 10)
    ]
    assert widths[1] < 0.999 * widths[0]


@pytest.mark.parametrize("seed", mostly_later(range(3)))
def test_with_fixed_boxes_the_limit_is_the_linear_program(seed):
    graph, S, spec = problem("dense", seed)
    best = LinearProgram(BackwardLinear())(graph, S, spec, outward=False).lower
    found = OptimizedLinear(300, BackwardLinear())(graph, S, spec, outward=False).lower
    assert (found <= best + 1e-9).all()
    assert (best - found).max() < 2e-3
    assert (best - found).median() < 1e-4


def test_given_choices_contain_the_other_rules():
    graph, S, spec = problem("dense", 5)
    boxes = Interval().boxes(graph, S, outward=False)
    zero = {i: torch.zeros_like(boxes[i].lower) for i in (3, 5)}
    same = [BackwardLinear(Interval(), slopes)(graph, S, spec).lower for slopes in (Given(zero), Constant(0.0))]
    assert torch.equal(*same)
    adaptive = {i: Adaptive()(graph.nodes[i - 1].op, boxes[i - 1]).lower_slope for i in (3, 5)}
    same = [
        BackwardLinear(Interval(), slopes)(graph, S, spec, outward=False).lower
        for slopes in (Given(adaptive), Adaptive())
    ]
    torch.testing.assert_close(*same, rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    "make", [lambda: Constant(1.5), lambda: Given({1: torch.tensor([[0.5, -0.1]])}), lambda: OptimizedLinear(-1)]
)
def test_what_is_no_choice_is_refused(make):
    with pytest.raises(InputError):
        make()


def test_maps_are_optimised_where_crown_leaves_neurons_relaxed():
    """Narrower boxes of a map reach the margins; both sides of a neuron are sound for a point of the set."""
    graph, S, _ = problem("residual", 1)
    maps = [i for i in graph.relaxed if len(graph.shapes[i]) == 3 and i not in graph.mixed_once]
    crown, found = (OptimizedLinear(n).boxes(graph, S, outward=False) for n in (0, 10))
    assert maps
    assert all((found[i].radius <= crown[i].radius + 1e-12).all() for i in maps)
    assert any(
        found[i].radius[found[i].unstable].sum() < 0.999 * crown[i].radius[found[i].unstable].sum() for i in maps
    )
    values = graph.values(S.sample(Noise.of(0, torch.arange(3))).to(DTYPE))
    assert all(((v >= b.lower - 1e-9) & (v <= b.upper + 1e-9)).all() for v, b in zip(values, found, strict=True))


def test_bounds_have_no_gradient_whatever_the_mode():
    graph, S, spec = problem("dense", 1)
    with torch.enable_grad():
        found = OptimizedLinear(2)(graph, S, spec)
    assert not found.lower.requires_grad
    assert not any(box.lower.requires_grad for box in found.boxes)


@pytest.mark.parametrize("iterations", [0, 1, 3, 10])
def test_nothing_is_looser_than_crowns(iterations):
    """Tighter hidden boxes turn CROWN's own lines the other way in places, which must not show."""
    torch.manual_seed(7)
    widths = [4, 8, 8, 8, 3]
    layers = [layer for a, b in pairwise(widths) for layer in (nn.Linear(a, b), nn.ReLU())][:-1]
    module = nn.Sequential(*layers).double()
    with torch.no_grad():
        for layer in layers[::2]:
            layer.weight.normal_().mul_(1.4 / layer.in_features**0.5)
            layer.bias.normal_()
    x = torch.rand(128, 4, dtype=torch.float64)
    graph, S = capture(module, x).frozen(), LinfBall(0.3, None).at(x)
    spec = LinearSpec.margins(module(x).argmax(1), 3, torch.float64)
    crown, found = BackwardLinear()(graph, S, spec), OptimizedLinear(iterations)(graph, S, spec)
    assert (found.lower >= crown.lower).all()
    for own, plain in zip(found.boxes, crown.boxes, strict=True):
        assert (own.lower >= plain.lower - 1e-12).all()
        assert (own.upper <= plain.upper + 1e-12).all()
