"""Bounds by linear programming: against other solvers, other formulations, and solvers that fail or lie."""

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from hauberk.bounds import BackwardLinear, Interval, LinearProgram
from hauberk.capture import capture
from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph, FrozenNode
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.op import Elementwise, Op
from hauberk.concepts.pieces import Pieces
from hauberk.concepts.relaxation import Relaxation
from hauberk.concepts.slopes import Parallel, Slopes
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import UnsupportedOpError, UnsupportedSetError
from hauberk.ops.arithmetic import Add
from hauberk.ops.linear import Linear
from hauberk.ops.relu import ReLU
from hauberk.programs.solver import Solution, Solver
from hauberk.threats import LinfBall
from hauberk.verification import MixedInteger
from laws import networks, test_dual_network

DTYPE = torch.float64
WIDTHS = (3, 8, 7, 6, 3)
B = 4
seeds = pytest.mark.parametrize("seed", range(4))


@lru_cache
def dense():
    layers = [layer for a, b in pairwise(WIDTHS) for layer in (nn.Linear(a, b), nn.ReLU())][:-1]
    return capture(nn.Sequential(*layers).to(DTYPE), torch.zeros(2, 3, dtype=DTYPE))


def problem(seed, eps, examples=B):
    """Return a random net without biases, its frozen graph, sets, and margins."""
    graph, generator = dense(), torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, p in graph.module.named_parameters():
            drawn = torch.randn(p.shape, generator=generator, dtype=DTYPE)
            p.copy_(drawn / p.shape[1] ** 0.5 if name.endswith("weight") else 0 * drawn)
    x = torch.rand(examples, 3, generator=generator, dtype=DTYPE)
    y = (torch.arange(examples) + seed) % 3
    return graph, graph.frozen(), LinfBall(eps, None).at(x), LinearSpec.margins(y, 3, DTYPE)


def lowest(frozen, S, spec, samples=5000):
    """Return the smallest values of every row at random points and at all corners."""
    generator = torch.Generator().manual_seed(0)
    corners = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=DTYPE)] * 3)
    share = torch.cat([torch.rand(samples, 3, generator=generator, dtype=DTYPE), corners])
    box = S.bounding_box()
    z = torch.lerp(box.lower[:, None], box.upper[:, None], share)
    values = torch.einsum("bkc,bsc->bks", spec.rows, frozen(z.flatten(0, 1)).view(len(z), len(share), 3))
    return values.amin(2) + spec.offset


@dataclass(frozen=True)
class Held(Slopes):
    """Lower slopes held as tensors, by the width of the layer."""

    slopes: dict[int, torch.Tensor]

    def __call__(self, op, box):
        return op.relax(box, self.slopes[box.lower.shape[1]])


@dataclass(frozen=True)
class Known(Interval):
    """Boxes that are known already, some of whose examples are asked for."""

    known: tuple[Box, ...] = ()

    def boxes(self, graph, S, *, outward=True, noise=None):
        return list(self.known)


@seeds
@pytest.mark.parametrize("eps", [0.02, 0.1, 0.3])
def test_any_slopes_lie_below_the_program_below_the_exact_minimum_below_every_sample(seed, eps):
    graph, frozen, S, spec = problem(seed, eps)
    boxes = BackwardLinear()
    found = LinearProgram(boxes)(frozen, S, spec, outward=False)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(3):
        drawn = {w: torch.rand(B, w, generator=generator, dtype=DTYPE) for w in WIDTHS[1:-1]}
        any_slopes = BackwardLinear(Known(tuple(found.boxes)), Held(drawn))(frozen, S, spec, outward=False).lower
        assert (any_slopes <= found.lower + 1e-9).all()
    exact = MixedInteger(boxes, minimum=True)(NetworkSubject(graph.module, graph), S, spec).lower
    assert (found.lower <= exact + 1e-6).all()
    assert (exact <= lowest(frozen, S, spec)).all()


@seeds
def test_the_bound_is_the_optimum_that_another_solver_finds_for_another_formulation(seed):
    frozen, S, spec, weights = test_dual_network.problem(seed, None)
    found = LinearProgram(BackwardLinear())(frozen, S, spec, outward=False)
    ends, hidden = test_dual_network.ends_of(S), test_dual_network.boxes_of(found.boxes)
    expected = [test_dual_network.linear_program(c.numpy(), weights, hidden, ends) for c in spec.rows[0]]
    np.testing.assert_allclose(found.lower[0].numpy(), expected, rtol=0, atol=1e-9)


@dataclass(frozen=True)
class OneSet(NormBall):
    """An l_1 ball, as far as bounds ask."""

    start: torch.Tensor
    radius: torch.Tensor
    p = 1.0

    def select(self, index):
        return type(self)(self.start[index], self.radius[index])

    def support_function(self, c):
        return (c @ self.start[:, :, None])[:, :, 0] + self.radius[:, None] * c.abs().amax(2)

    def bounding_box(self):
        return Box(self.start - self.radius[:, None], self.start + self.radius[:, None])

    project = steepest_step = sample = contains = size = resized = dual_vector = cheapest_move = select


@dataclass(frozen=True)
class TwoSet(OneSet):
    """A ball that no linear program holds."""

    p = 2.0


@pytest.mark.parametrize("kind", ["l_inf", "l_1"])
def test_the_program_is_the_best_that_slopes_can_do(kind):
    _graph, frozen, S, spec = problem(1, 0.3)
    S = S if kind == "l_inf" else OneSet(S.start, 2 * S.radius)
    spec = LinearSpec(spec.rows[:, :1], spec.offset[:, :1])
    program = LinearProgram(BackwardLinear())(frozen, S, spec, outward=False)
    boxes = Known(tuple(Box(box.lower.detach(), box.upper.detach()) for box in program.boxes))
    slopes = {w: torch.full((B, w), 0.5, dtype=DTYPE, requires_grad=True) for w in WIDTHS[1:-1]}
    optimizer = torch.optim.Adam(list(slopes.values()), lr=0.2)
    schedule = torch.optim.lr_scheduler.ExponentialLR(optimizer, 0.9)
    for _ in range(110):
        optimizer.zero_grad()
        (-BackwardLinear(boxes, Held(slopes))(frozen, S, spec, outward=False).lower.sum()).backward()
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            for slope in slopes.values():
                slope.clamp_(0, 1)
    best = BackwardLinear(boxes, Held(slopes))(frozen, S, spec, outward=False).lower.detach()
    plain = BackwardLinear(boxes)(frozen, S, spec, outward=False).lower.detach()
    assert (program.lower - plain).max() > 1e-2
    assert (best <= program.lower + 1e-6).all()
    # Adam may stop short of the optimum: the dual of the l_1 norm has kinks.
    assert ((best - program.lower).abs() < 1e-6).sum() >= len(best) - (kind == "l_1")


@pytest.mark.parametrize(("eps", "gap"), [(0.02, 5e-4), (0.1, 0.012), (0.3, 0.11)])
def test_typical_gaps_to_the_dual_network_are_those_of_the_literature(eps, gap):
    differences = []
    for seed in range(20):
        _graph, frozen, S, spec = problem(seed, eps, examples=1)
        dual = BackwardLinear(slopes=Parallel())
        found = LinearProgram(dual)(frozen, S, spec, outward=False)
        differences.append((found.lower - dual(frozen, S, spec, outward=False).lower).mean().item())
    assert gap / 2 <= np.mean(differences) <= 2 * gap


@pytest.mark.parametrize("name", ["convolutional", "residual"])
def test_no_backward_bound_is_better_and_the_exact_minimum_is_not_worse(name):
    graph = networks.network(name, 3)
    frozen, y = graph.frozen(), networks.labels(2, 3)
    S, spec = LinfBall(0.05).at(networks.images(2, 3)), LinearSpec.margins(y, networks.CLASSES, DTYPE)
    boxes = BackwardLinear()
    found = LinearProgram(boxes)(frozen, S, spec, outward=False).lower
    for slopes in (BackwardLinear(), BackwardLinear(boxes, Parallel())):
        assert (slopes(frozen, S, spec, outward=False).lower <= found + 1e-12).all()
    exact = MixedInteger(boxes, minimum=True)(NetworkSubject(graph.module, graph), S, spec).lower
    assert (found <= exact + 1e-6).all()


def test_a_solver_that_fails_leaves_the_bounds_of_crown(monkeypatch):
    _graph, frozen, S, spec = problem(2, 0.3)
    monkeypatch.setattr(Solver, "minimize", lambda self, cost: Solution(None, None))
    found = LinearProgram(Interval())(frozen, S, spec).lower
    torch.testing.assert_close(found, BackwardLinear(Interval())(frozen, S, spec).lower, rtol=0, atol=1e-12)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6, np.nan, np.inf])
def test_a_solver_that_lies_costs_tightness_and_never_soundness(monkeypatch, scale):
    _graph, frozen, S, spec = problem(2, 0.3)
    honest = LinearProgram(Interval())(frozen, S, spec).lower
    random = np.random.default_rng(0)

    def lie(self, cost):
        return Solution(random.normal(size=self.program.constraints) * scale, None)

    monkeypatch.setattr(Solver, "minimize", lie)
    found = LinearProgram(Interval())(frozen, S, spec).lower
    assert found.isfinite().all()
    assert (found <= honest + 1e-9).all()
    assert (honest - found).max() > 1e-3


def test_the_number_of_workers_changes_nothing():
    _graph, frozen, S, spec = problem(3, 0.2)
    one, two = (LinearProgram(Interval(), workers)(frozen, S, spec).lower for workers in (1, 2))
    assert torch.equal(one, two)


def test_margins_have_no_gradient_and_the_class_says_so():
    _graph, frozen, S, spec = problem(3, 0.2)
    assert not LinearProgram.differentiable
    assert not LinearProgram(Interval())(frozen, S, spec).lower.requires_grad


class Clamp(Elementwise):
    """clamp(z, -0.5, 0.5): neither convex nor concave."""

    pieces = Pieces((-0.5, 0.5), (0.0, 1.0, 0.0))

    def __call__(self, z):
        return z.clamp(-0.5, 0.5)

    def interval(self, box):
        return Box(self(box.lower), self(box.upper))

    def relax(self, box, choice=None):
        low, high = self(box.lower), self(box.upper)
        exact = ((box.lower >= -0.5) & (box.upper <= 0.5)).to(low)
        return Relaxation(exact, exact, torch.where(exact > 0, 0, high), torch.where(exact > 0, 0, low))

    relax_parallel = relax


class Opaque(ReLU):
    """A ReLU that does not tell its pieces."""

    pieces = None


def with_op(frozen, op):
    """Return the graph with every ReLU replaced."""
    nodes = tuple(replace(node, op=op) if isinstance(node.op, ReLU) else node for node in frozen.nodes)
    return FrozenGraph(nodes, frozen.shapes)


@seeds
def test_the_hull_of_a_function_with_three_pieces_is_found(seed):
    _graph, frozen, S, spec = problem(seed, 0.5)
    frozen = with_op(frozen, Clamp())
    found = LinearProgram(Interval())(frozen, S, spec, outward=False).lower
    assert (found <= lowest(frozen, S, spec) + 1e-9).all()
    assert (found >= BackwardLinear(Interval())(frozen, S, spec, outward=False).lower - 1e-9).all()


@pytest.mark.parametrize("reach", [(-2.0, 1.0), (-1.0, 0.2), (-0.3, 2.0), (-0.4, 0.4), (0.6, 0.9)])
@pytest.mark.parametrize("slope", [-2.0, -0.7, -0.1, 0.1, 0.7, 2.0])
def test_the_hull_of_one_neuron_is_that_of_its_graph(slope, reach):
    """min clamp(x) - slope * x over an interval is a minimum over its ends and the knots between them."""
    one = torch.ones(1, 1, dtype=DTYPE)
    graph = FrozenGraph(
        (
            FrozenNode("in", Linear(one, None), (0,)),
            FrozenNode("clamp", Clamp(), (1,)),
            FrozenNode("out", Linear(torch.tensor([[1.0], [0.0]], dtype=DTYPE), None), (2,)),
            FrozenNode("skip", Linear(torch.tensor([[0.0], [-slope]], dtype=DTYPE), None), (0,)),
            FrozenNode("sum", Add(1.0), (3, 4)),
        ),
        ((1,), (1,), (1,), (2,), (2,), (2,)),
    )
    low, high = reach
    S = LinfBall((high - low) / 2, None).at(torch.full((1, 1), (high + low) / 2, dtype=DTYPE))
    spec = LinearSpec(torch.ones(1, 1, 2, dtype=DTYPE), torch.zeros(1, 1, dtype=DTYPE))
    points = np.clip([low, -0.5, 0.5, high], low, high)
    expected = min(np.clip(points, -0.5, 0.5) - slope * points)
    found = LinearProgram(Interval())(graph, S, spec, outward=False).lower.item()
    assert found == pytest.approx(expected, rel=0, abs=1e-12)


@seeds
def test_a_function_without_pieces_keeps_its_parallel_lines(seed):
    _graph, frozen, S, spec = problem(seed, 0.3)
    expected = BackwardLinear(Interval(), Parallel())(frozen, S, spec).lower
    found = LinearProgram(Interval())(with_op(frozen, Opaque()), S, spec).lower
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_what_no_linear_program_can_hold_is_refused_by_name():
    _graph, frozen, S, spec = problem(0, 0.1)
    with pytest.raises(UnsupportedSetError, match="TwoSet with p = 2"):
        LinearProgram(Interval())(frozen, TwoSet(S.start, S.radius), spec)

    class Sorted(Op):
        def __call__(self, z):
            return z.sort(1).values

        def interval(self, box):
            return Box(self(box.lower), self(box.upper))

    with pytest.raises(UnsupportedOpError, match="Sorted"):
        LinearProgram(Interval())(with_op(frozen, Sorted()), S, spec)
