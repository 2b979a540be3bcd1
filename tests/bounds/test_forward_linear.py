"""Linear bounds carried forward: the dual network's algorithm 1, written out independently, and its identities."""

from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hauberk.bounds import DualNetwork, ForwardLinear
from hauberk.capture import capture
from hauberk.concepts.box import Box
from hauberk.concepts.noise import Noise
from hauberk.concepts.rows import Rows
from hauberk.concepts.slopes import Parallel
from hauberk.concepts.specification import LinearSpec
from hauberk.propagation.backward_pass import BackwardPass
from hauberk.propagation.forward_box import forward_box
from hauberk.propagation.forward_pass import Form
from hauberk.propagation.generators import AllGenerators
from hauberk.threats import LinfBall
from laws.networks import BUILDERS, CLASSES, images, labels, network, randomize

DTYPE = torch.float64
NETWORKS = pytest.mark.parametrize("name", BUILDERS)


def positive(a):
    return np.maximum(a, 0)


def algorithm_1(weights, x, eps, cut):
    """Bounds of the hidden layers over the box x +- eps; with `cut`, each is cut by one step of interval arithmetic.

    V, g and N hold, for the objective -I at the current layer, the dual rows of the input, of each bias and of the
    unstable neurons of each ReLU, as columns. Source: Wong & Kolter 2018, algorithm 1, sums over j.
    """
    weight, bias = weights[0]
    V, g, N = weight.T, [bias], []
    lows, found = [], []
    box = x - eps, x + eps
    for following in [*weights[1:], None]:
        psi, radius = x @ V + sum(g), eps * abs(V).sum(0)
        low = psi - radius + sum((least[:, None] * positive(-n)).sum(0) for least, n in zip(lows, N, strict=True))
        high = psi + radius - sum((least[:, None] * positive(n)).sum(0) for least, n in zip(lows, N, strict=True))
        center, reach = weight @ (box[0] + box[1]) / 2 + bias, abs(weight) @ (box[1] - box[0]) / 2
        if cut:
            low, high = np.maximum(low, center - reach), np.minimum(high, center + reach)
        if following is None:
            return found
        found.append((low, high))
        unstable = (low < 0) & (high > 0)
        slope = np.where(unstable, high / np.where(unstable, high - low, 1), (low >= 0).astype(float))
        weight, bias = following
        M = slope[:, None] * weight.T
        N = [n @ M for n in N] + [M[unstable]]
        g = [row @ M for row in g] + [bias]
        V, lows, box = V @ M, [*lows, low[unstable]], (positive(low), positive(high))
    return None


@lru_cache
def chain(widths):
    layers = [layer for pair in pairwise(widths) for layer in (nn.Linear(*pair), nn.ReLU())]
    return capture(nn.Sequential(*layers[:-1]).to(DTYPE), torch.zeros(2, widths[0], dtype=DTYPE))


@pytest.mark.parametrize("widths", [(3, 8, 7, 3), (5, 6, 6, 6, 6, 2)], ids=str)
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("bounder", [ForwardLinear(True), ForwardLinear(False), DualNetwork(intersect=False)], ids=str)
def test_on_a_chain_bounds_are_those_of_algorithm_1(widths, seed, bounder):
    graph, eps, generator = chain(widths), 0.1, torch.Generator().manual_seed(seed)
    randomize(graph.module, generator)
    x = torch.rand(2, widths[0], generator=generator, dtype=DTYPE)
    relaxed = bounder.boxes(graph.frozen(), LinfBall(eps, None).at(x), outward=False)[1:-1:2]
    weights = [(part.weight.detach().numpy(), part.bias.detach().numpy()) for part in graph.module[::2]]
    for i, one in enumerate(x.numpy()):
        expected = algorithm_1(weights, one, eps, bounder.intersect)
        assert len(expected) == len(relaxed)
        for (low, high), box in zip(expected, relaxed, strict=True):
            np.testing.assert_allclose(box.lower[i].detach().numpy(), low, rtol=0, atol=1e-12)
            np.testing.assert_allclose(box.upper[i].detach().numpy(), high, rtol=0, atol=1e-12)


@NETWORKS
def test_bounds_are_those_of_backward_passes_with_parallel_slopes_given_the_same_boxes(name):
    frozen, x = network(name, 1).frozen(), images(3, 1)
    S = LinfBall(0.1).at(x)
    boxes = ForwardLinear(intersect=True).boxes(frozen, S, outward=False)
    backward = BackwardPass(frozen, S, boxes, Parallel(), outward=False)
    for index in frozen.relaxed:
        if index == 0:
            continue
        owner, neuron = torch.ones_like(boxes[index].lower, dtype=torch.bool).flatten(1).nonzero(as_tuple=True)
        rows = Rows.units(owner, neuron, frozen.shapes[index], boxes[index].lower.detach())
        own = Box(*(t.view_as(boxes[index].lower) for t in backward.range(rows, index)))
        expected = forward_box(frozen, S, boxes[:index], outward=False).intersect(own)
        torch.testing.assert_close(boxes[index].lower, expected.lower, rtol=0, atol=1e-12)
        torch.testing.assert_close(boxes[index].upper, expected.upper, rtol=0, atol=1e-12)


class Skips(nn.Module):
    """A skip from the input and one across a ReLU."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.third = nn.Linear(4, 6), nn.Linear(6, 6), nn.Linear(6, 6)
        self.around, self.last = nn.Linear(4, 6), nn.Linear(6, 3)

    def forward(self, x):
        h = F.relu(self.first(x))
        h = F.relu(self.second(h) + h)
        return self.last(F.relu(self.third(h) + self.around(x)) + h)


@pytest.mark.parametrize("seed", range(5))
def test_on_a_residual_graph_sampled_values_lie_inside(seed):
    module = Skips().to(DTYPE)
    generator = torch.Generator().manual_seed(seed)
    randomize(module, generator, 2.0)
    frozen = capture(module, torch.zeros(2, 4, dtype=DTYPE)).frozen()
    S = LinfBall(0.3, None).at(torch.rand(1, 4, generator=generator, dtype=DTYPE))
    boxes = ForwardLinear().boxes(frozen, S, outward=False)
    share = torch.rand(2000, 4, generator=generator, dtype=DTYPE)
    z = torch.lerp(S.box.lower, S.box.upper, torch.cat([share, share.round()]))
    for value, box in zip(frozen.values(z), boxes, strict=True):
        assert (value >= box.lower - 1e-12).all()
        assert (value <= box.upper + 1e-12).all()


def unrolled(layer, shape):
    """Return a linear layer that does what a convolution does, on flat inputs."""
    with torch.no_grad():
        units = torch.eye(int(np.prod(shape)), dtype=DTYPE).view(-1, *shape)
        bias = layer(torch.zeros(1, *shape, dtype=DTYPE))
        weight = (layer(units) - bias).flatten(1).T
        dense = nn.Linear(weight.shape[1], weight.shape[0]).to(DTYPE)
        dense.weight.copy_(weight)
        dense.bias.copy_(bias.flatten())
    return dense, tuple(bias.shape[1:])


def require_same(module, other, flat, flat_other):
    """Compare the bounds of every relaxed value, listed by position, and those of the margins."""
    x, y = images(3, 2), labels(3, 2)
    S, T = LinfBall(0.1).at(x), LinfBall(0.1).at(x.flatten(1))
    spec = LinearSpec.margins(y, CLASSES, DTYPE)
    first, second = (
        ForwardLinear()(capture(one, V.start[:2]).frozen(), V, spec, outward=False)
        for one, V in ((module, S), (other, T))
    )
    for i, j in zip(flat, flat_other, strict=True):
        for end in ("lower", "upper"):
            a, b = getattr(first.boxes[i], end), getattr(second.boxes[j], end)
            torch.testing.assert_close(a.flatten(1), b, rtol=0, atol=1e-12)
    torch.testing.assert_close(first.lower, second.lower, rtol=0, atol=1e-12)


def test_a_convolution_is_bounded_like_its_unrolled_matrix():
    first, second, last = nn.Conv2d(1, 3, 3, 1, 1), nn.Conv2d(3, 4, 2, 2), nn.Linear(16, CLASSES)
    module = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), nn.Flatten(), last).to(DTYPE)
    randomize(module, torch.Generator().manual_seed(0))
    one, shape = unrolled(first, (1, 4, 4))
    two, _ = unrolled(second, shape)
    require_same(module, nn.Sequential(one, nn.ReLU(), two, nn.ReLU(), last), (1, 3), (1, 3))


def test_batch_norm_in_eval_mode_is_bounded_like_the_linear_layer_that_it_folds_into():
    first, norm, second, last = nn.Linear(16, 8), nn.BatchNorm1d(8), nn.Linear(8, 7), nn.Linear(7, CLASSES)
    module = nn.Sequential(nn.Flatten(), first, norm, nn.ReLU(), second, nn.ReLU(), last).to(DTYPE)
    randomize(module, torch.Generator().manual_seed(1))
    folded = nn.Linear(16, 8).to(DTYPE)
    with torch.no_grad():
        scale = norm.weight / (norm.running_var + norm.eps).sqrt()
        folded.weight.copy_(scale[:, None] * first.weight)
        folded.bias.copy_(scale * (first.bias - norm.running_mean) + norm.bias)
    require_same(module, nn.Sequential(folded, nn.ReLU(), second, nn.ReLU(), last), (3, 5), (1, 3))


def test_nothing_is_drawn():
    frozen, x = network("dense", 3).frozen(), images(3, 3)
    S, spec = LinfBall(0.1).at(x), LinearSpec.margins(labels(3, 3), CLASSES, DTYPE)
    plain = ForwardLinear()(frozen, S, spec).lower
    assert torch.equal(plain, ForwardLinear()(frozen, S, spec, noise=Noise.of(1, torch.arange(3))).lower)


def test_the_rounding_of_sums_over_generators_is_charged():
    S = LinfBall(0.0).at(torch.full((1, 1), 0.5))
    generators = torch.rand(1, 700, 400, generator=torch.Generator().manual_seed(0))
    zero = torch.zeros(1, 400)
    form = Form(zero, {0: torch.zeros(1, 1, 400), 1: generators}, zero)
    everything = Box(zero - torch.inf, zero + torch.inf)
    box = AllGenerators(S).box(form, everything, zero > 0)
    exact = generators.double().sum(1)
    assert (box.upper.double() >= exact).all()
    assert (box.lower.double() <= -exact).all()
