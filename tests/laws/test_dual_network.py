"""Backward linear bounds against the dual network of the convex outer polytope, written out independently.

Source: Wong & Kolter 2018, theorem 1 and algorithm 1.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from torch import nn

from hauberk.bounds import BackwardLinear, Interval
from hauberk.capture import capture
from hauberk.concepts.slopes import Adaptive, Parallel, Slopes
from hauberk.concepts.specification import LinearSpec
from hauberk.threats import LinfBall

DTYPE = torch.float64
WIDTHS = (3, 8, 7, 3)
EPS = 0.2


@lru_cache
def dense():
    layers = [nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 7), nn.ReLU(), nn.Linear(7, 3)]
    return capture(nn.Sequential(*layers).to(DTYPE), torch.zeros(2, 3, dtype=DTYPE))


def problem(seed, within):
    graph = dense()
    generator = torch.Generator().manual_seed(seed)
    layers = [graph.module[i] for i in (0, 2, 4)]
    with torch.no_grad():
        for layer in layers:
            drawn = torch.randn(layer.weight.shape, generator=generator, dtype=DTYPE)
            layer.weight.copy_(drawn / layer.in_features**0.5)
            layer.bias.copy_(0.5 * torch.randn(layer.bias.shape, generator=generator, dtype=DTYPE))
    x = torch.rand(1, 3, generator=generator, dtype=DTYPE)
    weights = [(layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in layers]
    spec = LinearSpec.margins(torch.tensor([seed % 3]), 3, DTYPE)
    return graph.frozen(), LinfBall(EPS, within).at(x), spec, weights


def positive(a):
    return np.maximum(a, 0)


def negative(a):
    return np.maximum(-a, 0)


def dual_value(c, weights, hidden, ends, alphas=None):
    """J(nu) for the objective c, given bounds of the hidden pre-activations and the ends (a, b) of the input box."""
    k = len(weights)
    nu, value = -c, 0.0
    for i in range(k - 1, 0, -1):
        weight, bias = weights[i]
        value -= nu @ bias
        nu_hat = weight.T @ nu
        low, high = hidden[i - 1]
        unstable = (low < 0) & (high > 0)
        slope = np.where(unstable, high / np.where(unstable, high - low, 1), (low >= 0).astype(float))
        alpha = slope if alphas is None else np.where(unstable, alphas[i - 1], slope)
        nu = slope * positive(nu_hat) - alpha * negative(nu_hat)
        value += (low * positive(nu))[unstable].sum()
    (weight, bias), (a, b) = weights[0], ends
    nu_hat = weight.T @ nu
    return value - nu @ bias - b @ positive(nu_hat) + a @ negative(nu_hat)
    return None


def fast_lin_boxes(weights, ends):
    """Bounds of the hidden layers, layer by layer, each intersected with one step of interval arithmetic."""
    hidden, box = [], ends
    for i, (weight, bias) in enumerate(weights[:-1]):
        center, radius = (box[0] + box[1]) / 2, (box[1] - box[0]) / 2
        low = weight @ center + bias - abs(weight) @ radius
        high = weight @ center + bias + abs(weight) @ radius
        if i:
            own = weights[: i + 1]
            dual_low = np.array([dual_value(e, own, hidden, ends) for e in np.eye(len(bias))])
            dual_high = -np.array([dual_value(-e, own, hidden, ends) for e in np.eye(len(bias))])
            unstable = (low < 0) & (high > 0)
            low, high = (
                np.where(unstable, np.maximum(low, dual_low), low),
                np.where(unstable, np.minimum(high, dual_high), high),
            )
        hidden.append((low, high))
        box = positive(low), positive(high)
    return hidden


def linear_program(c, weights, hidden, ends):
    """The minimum of c over the triangle relaxation, over variables z_1, and per hidden layer (zhat, z)."""
    sizes = [len(ends[0])] + [len(bias) for _, bias in weights[:-1] for _ in (0, 1)]
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    total = int(offsets[-1])
    equal, equal_to, less, less_than = [], [], [], []
    bounds = list(zip(*ends, strict=True)) + [(None, None)] * (total - sizes[0])
    previous = slice(0, sizes[0])
    for i, (weight, bias) in enumerate(weights[:-1]):
        zhat, z = (slice(int(offsets[2 * i + j]), int(offsets[2 * i + j + 1])) for j in (1, 2))
        rows = np.zeros((len(bias), total))
        rows[:, zhat], rows[:, previous] = np.eye(len(bias)), -weight
        equal.append(rows)
        equal_to.append(bias)
        low, high = hidden[i]
        for j in range(len(bias)):
            row = np.zeros(total)
            if high[j] <= 0 or low[j] >= 0:
                row[z.start + j], row[zhat.start + j] = 1, -float(low[j] >= 0)
                equal.append(row[None])
                equal_to.append([0.0])
                continue
            bounds[z.start + j] = (0, None)
            row[z.start + j], row[zhat.start + j] = -1, 1
            less.append(row)
            less_than.append(0.0)
            upper = np.zeros(total)
            upper[z.start + j], upper[zhat.start + j] = high[j] - low[j], -high[j]
            less.append(upper)
            less_than.append(-high[j] * low[j])
        previous = z
    cost = np.zeros(total)
    weight, bias = weights[-1]
    cost[previous] = c @ weight
    inequality = (np.array(less), np.array(less_than)) if less else (None, None)
    found = linprog(cost, *inequality, np.concatenate(equal), np.concatenate(equal_to), bounds)
    assert found.status == 0
    return found.fun + c @ bias


@dataclass(frozen=True)
class Given(Slopes):
    """The lower slopes that the test asks for, by the width of the layer."""

    slopes: dict[int, torch.Tensor]

    def __call__(self, op, box):
        return op.relax(box, self.slopes[box.lower.shape[1]].expand_as(box.lower))


def ends_of(S):
    box = S.bounding_box()
    return box.lower[0].numpy(), box.upper[0].numpy()


def boxes_of(boxes):
    """Return the bounds of the two hidden pre-activations as arrays."""
    return [(boxes[i].lower[0].detach().numpy(), boxes[i].upper[0].detach().numpy()) for i in (1, 3)]


problems = pytest.mark.parametrize("within", [None, (0.0, 1.0)], ids=str)
seeds = pytest.mark.parametrize("seed", range(6))


@problems
@seeds
def test_parallel_slopes_give_the_dual_network(seed, within):
    frozen, S, spec, weights = problem(seed, within)
    found = BackwardLinear(slopes=Parallel())(frozen, S, spec, outward=False)
    hidden = fast_lin_boxes(weights, ends_of(S))
    for (low, high), (lower, upper) in zip(hidden, boxes_of(found.boxes), strict=True):
        np.testing.assert_allclose(lower, low, rtol=0, atol=1e-12)
        np.testing.assert_allclose(upper, high, rtol=0, atol=1e-12)
    expected = [dual_value(c.numpy(), weights, hidden, ends_of(S)) for c in spec.rows[0]]
    np.testing.assert_allclose(found.lower[0].detach().numpy(), expected, rtol=0, atol=1e-12)


@problems
@seeds
def test_any_choice_of_slopes_gives_the_dual_network_with_that_alpha(seed, within):
    frozen, S, spec, weights = problem(seed, within)
    generator = torch.Generator().manual_seed(seed)
    alphas = {width: torch.rand(1, width, generator=generator, dtype=DTYPE) for width in WIDTHS[1:3]}
    found = BackwardLinear(Interval(), Given(alphas))(frozen, S, spec, outward=False)
    hidden = boxes_of(found.boxes)
    arrays = [alphas[width][0].numpy() for width in WIDTHS[1:3]]
    expected = [dual_value(c.numpy(), weights, hidden, ends_of(S), arrays) for c in spec.rows[0]]
    np.testing.assert_allclose(found.lower[0].detach().numpy(), expected, rtol=0, atol=1e-12)


@seeds
def test_adaptive_slopes_are_the_dual_network_with_alpha_one_where_the_upper_end_is_farther(seed):
    frozen, S, spec, weights = problem(seed, None)
    found = BackwardLinear(slopes=Adaptive())(frozen, S, spec, outward=False)
    hidden = boxes_of(found.boxes)
    alphas = [(high > -low).astype(float) for low, high in hidden]
    expected = [dual_value(c.numpy(), weights, hidden, ends_of(S), alphas) for c in spec.rows[0]]
    np.testing.assert_allclose(found.lower[0].detach().numpy(), expected, rtol=0, atol=1e-12)


@problems
@seeds
def test_bounds_lie_below_the_linear_program_which_lies_below_every_sample(seed, within):
    frozen, S, spec, weights = problem(seed, within)
    box = S.bounding_box()
    share = torch.rand(2000, 3, generator=torch.Generator().manual_seed(seed), dtype=DTYPE)
    z = torch.lerp(box.lower, box.upper, torch.cat([share, share.round()]))
    sampled = (frozen(z) @ spec.rows[0].T).amin(0)
    for slopes in (Adaptive(), Parallel()):
        found = BackwardLinear(slopes=slopes)(frozen, S, spec, outward=False)
        for k, c in enumerate(spec.rows[0]):
            optimum = linear_program(c.numpy(), weights, boxes_of(found.boxes), ends_of(S))
            assert found.lower[0, k].item() <= optimum + 1e-7
            assert optimum <= sampled[k].item() + 1e-7


@seeds
def test_the_range_of_valid_inputs_never_loosens_a_bound_given_the_same_hidden_boxes(seed):
    frozen, S, spec, weights = problem(seed, None)
    _, T, _, _ = problem(seed, (0.0, 1.0))
    hidden = boxes_of(BackwardLinear()(frozen, S, spec).boxes)
    for c in spec.rows[0].numpy():
        free, cut = (dual_value(c, weights, hidden, ends_of(one)) for one in (S, T))
        assert free <= cut + 1e-12
    assert (Interval()(frozen, S, spec).lower <= Interval()(frozen, T, spec).lower + 1e-12).all()
