"""Optimised slopes between CROWN and the linear program."""

import pytest
import torch

from hauberk.bounds import BackwardLinear, Interval, LinearProgram, OptimizedLinear
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


def test_of_every_row_the_best_of_all_steps_is_kept_and_each_step_climbs():
    """Five bounds are computed with three steps: each is the best of one row."""
    graph, S, _ = problem("dense", 2)
    boxes, asked = BackwardLinear().boxes(graph, S, outward=False), []

    def bound(slopes):
        step = len(asked)
        asked.append(sum(choice.sum() for choice in slopes.choices.values()) if isinstance(slopes, Given) else None)
        value = torch.full((5,), float(-step), dtype=DTYPE)
        value[step] = 10.0 + step
        return value if asked[-1] is None else value + 1e-6 * asked[-1]

    found = OptimizedLinear(3).best(graph, boxes, len(graph.nodes), bound)
    torch.testing.assert_close(found, torch.arange(10.0, 15.0, dtype=DTYPE), rtol=0, atol=1e-3)
    assert not found.requires_grad
    sums = [one.item() for one in asked[1:]]
    assert sums[0] < sums[1] < sums[2] < sums[3], "a bound that grows with the choices pushes them up"
    asked.clear()
    first = OptimizedLinear(0).best(graph, boxes, len(graph.nodes), bound)
    assert first.tolist() == [10.0, 0.0, 0.0, 0.0, 0.0]
    assert len(asked) == 1
