"""Training for stability, by the checks of its method card."""

import itertools

import pytest
import torch
from torch import nn

from hauberk.capture import capture
from hauberk.concepts.noise import Noise
from hauberk.concepts.schedule import Progress
from hauberk.errors import InputError, UnsupportedOpError, UnsupportedSetError
from hauberk.losses import CrossEntropy
from hauberk.objectives import Hamming
from hauberk.objectives.hamming import activations
from hauberk.schedules import Constant
from hauberk.threats import L2Ball, LinfBall
from laws.networks import images, labels, network

B, EPS = 10, 0.05


def objective(stability=1.0, hamming=1.0, **changes):
    return Hamming(CrossEntropy(), Constant(stability), Constant(hamming), **changes)


def value(graph, x, y, eps=EPS, seed=0, **changes):
    noise = Noise.of(seed, torch.arange(len(y)))
    return objective(**changes)(graph, x, y, LinfBall(eps), progress=Progress(0, 1, 1), noise=noise)


def corners(x, seed=0):
    """The pair that `value` looks at, found by a network that returns what it is given."""
    seen = []

    class Spy(nn.Module):
        def forward(self, z):
            return torch.relu(z.flatten(1))

    graph = capture(Spy(), x[:2])
    observed = graph.observed
    object.__setattr__(graph, "observed", lambda z: (seen.append(z), observed(z))[1])
    value(graph, x, torch.zeros(len(x), dtype=torch.long), seed=seed)
    return seen[0].chunk(3)


def test_corners_are_opposite_drawn_for_each_example_and_not_cut():
    x = images(B, 0)
    clean, first, second = corners(x)
    assert torch.equal(clean, x)
    for corner in (first, second):
        torch.testing.assert_close((corner - x).abs(), torch.full_like(x, EPS), rtol=0, atol=1e-15)
    torch.testing.assert_close(first + second, 2 * x)
    signs = (first > x).flatten(1)
    assert len(signs.unique(dim=0)) == B
    assert not torch.equal(signs, (corners(x, 1)[1] > x).flatten(1))


@pytest.mark.parametrize("name", ["dense", "convolutional", "residual"])
def test_the_hamming_term_lies_in_the_unit_interval_and_is_zero_without_a_radius(name):
    graph, x, y = network(name, 1), images(B, 1), labels(B, 1)
    parts = value(graph, x, y).parts
    assert 0 < parts["hamming"] < 1
    assert value(graph, x, y, eps=0.0).parts["hamming"] == 0
    assert value(graph, x, y, eps=0.0).parts["stability"] == 0


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("name", ["dense", "convolutional"])
def test_a_sharp_term_is_the_share_of_neurons_that_differ(name, power):
    graph, x, y = network(name, 2), images(B, 2), labels(B, 2)
    _, first, second = corners(x)
    frozen = graph.frozen()
    patterns = [[(frozen.values(z)[i] > 0).flatten(1) for i in activations(frozen)] for z in (first, second)]
    shares = [(a != b).double().mean(1) ** power for a, b in zip(*patterns, strict=True)]
    found = value(graph, x, y, alpha=1e6, power=power).parts["hamming"]
    torch.testing.assert_close(found, torch.stack(shares).mean(), rtol=0, atol=1e-6)


def test_layers_count_alike_however_wide():
    graph, x, y = network("dense", 3), images(B, 3), labels(B, 3)
    wide = nn.Sequential(nn.Flatten(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 7), nn.ReLU(), nn.Linear(7, 4))
    wide = wide.double()
    with torch.no_grad():
        for target, source in ((1, 1), (3, 3), (5, 5)):
            wide[target].bias.copy_(graph.module[source].bias.repeat(2 if target == 1 else 1))
        wide[1].weight.copy_(graph.module[1].weight.repeat(2, 1))
        wide[3].weight.copy_(graph.module[3].weight.repeat(1, 2) / 2)
        wide[5].weight.copy_(graph.module[5].weight)
    one, two = value(graph, x, y), value(capture(wide, x[:2]), x, y)
    torch.testing.assert_close(one.parts["hamming"], two.parts["hamming"], rtol=0, atol=1e-12)


@pytest.mark.parametrize("part", ["stability", "hamming"])
@pytest.mark.parametrize("dense", [False, True])
def test_gradients_are_those_of_central_differences(part, dense):
    graph, x, y = network("dense", 4), images(B, 4), labels(B, 4)
    weight = graph.module[1].weight
    direction = torch.randn(weight.shape, generator=torch.Generator().manual_seed(0), dtype=weight.dtype)
    (gradient,) = torch.autograd.grad(value(graph, x, y, dense=dense).parts[part], weight)
    h, ends = 1e-6, []
    with torch.no_grad():
        for step in (h, -2 * h):
            weight.add_(direction, alpha=step)
            ends.append(value(graph, x, y, dense=dense).parts[part])
        weight.add_(direction, alpha=h)
    torch.testing.assert_close((gradient * direction).sum(), (ends[0] - ends[1]) / (2 * h), rtol=1e-5, atol=1e-9)


def test_dense_pairs_by_their_formula():
    graph, x, y = network("dense", 5), images(3, 5), labels(3, 5)
    _, first, second = corners(x)
    points, frozen = torch.cat([first, second]), graph.frozen()
    values = frozen.values(points)
    soft = [torch.tanh(8 * values[i]).flatten(1) for i in activations(frozen)]
    stability, hamming = 0.0, 0.0
    for i, j in itertools.product(range(6), repeat=2):
        weight = torch.exp(-(points[i] - points[j]).square().sum() / 2.0)
        stability += weight * (values[-1][i] - values[-1][j]).square().sum() / 36
        shares = [(layer[i] - layer[j]).abs().mean() / 2 for layer in soft]
        hamming += weight * torch.stack(shares).square().mean() / 36
    found = value(graph, x, y, dense=True, scale=2.0, power=2).parts
    torch.testing.assert_close(found["stability"], stability, rtol=1e-9, atol=1e-12)
    torch.testing.assert_close(found["hamming"], hamming, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("seed", range(20))
def test_a_network_with_one_pattern_at_all_corners_is_affine_on_the_cube(seed):
    generator = torch.Generator().manual_seed(seed)
    d, eps = 6, 0.02
    net = nn.Sequential(nn.Linear(d, 8), nn.ReLU(), nn.Linear(8, 5), nn.ReLU(), nn.Linear(5, 3)).double()
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    frozen = capture(net, torch.zeros(2, d, dtype=torch.float64)).frozen()
    x = torch.rand(d, generator=generator, dtype=torch.float64)
    signs = torch.tensor(list(itertools.product((-1.0, 1.0), repeat=d)), dtype=torch.float64)
    values = frozen.values(x + eps * signs)
    same = all((values[i] > 0).eq(values[i][:1] > 0).all() for i in activations(frozen))
    inside = eps * (2 * torch.rand(200, d, generator=generator, dtype=torch.float64) - 1)
    center = frozen(x[None])
    slope = torch.autograd.functional.jacobian(lambda z: frozen(z[None])[0], x)
    off = (frozen(x + inside) - center - inside @ slope.T).abs().max()
    assert off <= 1e-9 or not same


def test_what_it_cannot_do_is_refused():
    graph, x, y = network("dense", 6), images(B, 6), labels(B, 6)
    arguments = {"progress": Progress(0, 1, 1), "noise": Noise.of(0, torch.arange(B))}
    with pytest.raises(UnsupportedSetError, match="Hamming training is defined for balls in the l_inf norm"):
        objective()(graph, x, y, L2Ball(0.1), **arguments)
    with pytest.raises(UnsupportedOpError, match="needs a captured network"):
        objective()(graph.module, x, y, LinfBall(0.1), **arguments)
    linear = capture(nn.Sequential(nn.Flatten(), nn.Linear(16, 4)).double(), x[:2])
    with pytest.raises(UnsupportedOpError, match="patterns of activations, but the network has none"):
        objective()(linear, x, y, LinfBall(0.1), **arguments)
    for changes in ({"alpha": 0}, {"power": 3}, {"scale": 0}):
        with pytest.raises(InputError, match=r"Hamming needs (alpha|scale|power) to be"):
            objective(**changes)


def test_stability_may_be_that_of_the_softmax():
    graph, x, y = network("dense", 7), images(B, 7), labels(B, 7)
    _, first, second = corners(x)
    for probabilities in (False, True):
        ends = [graph(z).softmax(1) if probabilities else graph(z) for z in (first, second)]
        found = value(graph, x, y, probabilities=probabilities).parts["stability"]
        torch.testing.assert_close(found, (ends[0] - ends[1]).square().sum(1).mean())
