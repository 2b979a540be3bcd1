"""Layers and networks of l_inf distances: what they compute, that they are 1-Lipschitz, and their bounds."""

import copy
import functools

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hauberk.architectures import LinfDistConvNet, LinfDistMLP, LinfDistNet
from hauberk.bounds import BackwardLinear, DualNetwork, ForwardLinear, Interval
from hauberk.capture import capture
from hauberk.concepts.noise import Noise
from hauberk.concepts.schedule import Progress
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import InputError, ShapeError
from hauberk.kernels.batch_statistics import SHARED
from hauberk.layers import LogitScale, LpDistance, LpDistance2d, MeanShift, ScaledLinear, SortDistance
from hauberk.losses import CrossEntropy
from hauberk.objectives import Certified
from hauberk.schedules import Constant
from hauberk.threats import LinfBall
from laws.networks import images, labels, randomize

INF, DTYPE = torch.inf, torch.float64


def drawn(module, seed=0):
    """Return the module in eval mode and double precision with random parameters and running means."""
    randomize(module.to(DTYPE), torch.Generator().manual_seed(seed))
    return module


def rand(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed), dtype=DTYPE)


def chain(**options):
    return LinfDistNet((1, 4, 4), 4, [9, 7], identity=None, **options)


def convolutional():
    layers = (
        LpDistance2d(1, 3, 3, 2, 1, identity=None),
        MeanShift(3),
        LpDistance2d(3, 5, 2, identity=None),
        nn.Flatten(),
    )
    return nn.Sequential(*layers, LpDistance(5, 4, bias=True, identity=None))


CHAINS = {"dense": chain, "scaled": lambda: chain(scaled=True), "SortNet": lambda: chain(keep=0.6)}
CHAINS |= {"convolutional": convolutional}
chains = pytest.mark.parametrize("make", CHAINS.values(), ids=CHAINS)


@pytest.mark.parametrize(("inputs", "neurons"), [(3, 7), (4, 4), (7, 3)], ids=str)
def test_neurons_take_inputs_of_their_own_in_turn_if_there_are_enough(inputs, neurons):
    weight = LpDistance(inputs, neurons).weight.detach()
    own = torch.zeros(neurons, inputs, dtype=torch.bool)
    if inputs <= neurons:
        own[torch.arange(neurons), torch.arange(neurons) % inputs] = True
    assert torch.equal(weight == -10, own)
    assert weight[~own].abs().max() < 8
    assert (LpDistance(inputs, neurons, identity=None).weight.abs() < 8).all()
    assert ((LpDistance(inputs, neurons, identity=2.5).weight == -2.5) == own).all()


@pytest.mark.parametrize("layer", [LpDistance(6, 6), SortDistance(6, 6, keep=1.0), LpDistance2d(6, 6, 3, padding=1)])
def test_layers_begin_as_the_identity_but_for_a_constant(layer):
    shape = (5, 6, 4, 4) if isinstance(layer, LpDistance2d) else (5, 6)
    x = rand(*shape).float()
    torch.testing.assert_close(layer(x), x + 10)


@pytest.mark.parametrize("kernel_size", [1, 2, 3])
def test_kernels_have_their_own_channel_at_the_centre(kernel_size):
    weight = LpDistance2d(2, 5, kernel_size).weight.unflatten(1, (2, kernel_size, kernel_size))
    centre = kernel_size // 2
    assert (weight == -10).nonzero().tolist() == [[k, k % 2, centre, centre] for k in range(5)]


@pytest.mark.parametrize("p", [1.0, 3.0, 8.0, INF])
def test_a_layer_measures_distances_of_its_exponent_which_is_saved_with_its_weights(p):
    layer, other, x = LpDistance(5, 3, bias=True), LpDistance(5, 3, bias=True), rand(7, 5).float()
    layer.bias.data = torch.tensor([1.0, 2.0, 3.0])
    layer.relax(p)
    distances = torch.cdist(x, layer.weight, p=p)
    torch.testing.assert_close(layer(x), distances + layer.bias, rtol=1e-5, atol=1e-5)
    other.load_state_dict(layer.state_dict())
    assert torch.equal(other(x), layer(x))


@pytest.mark.parametrize("p", [8.0, INF])
@pytest.mark.parametrize("geometry", [(1, 1, 0), (3, 1, 1), (3, 2, 1), (2, 3, 2), (2, 2, 0)], ids=str)
def test_a_convolution_measures_distances_of_windows_of_the_image_between_zeros(geometry, p):
    size, stride, padding = geometry
    layer, x = drawn(LpDistance2d(2, 3, *geometry)), rand(2, 2, 5, 7) - 0.5
    layer.relax(p)
    framed = F.pad(x, (padding,) * 4)
    rows, columns = (range(0, n - size + 1, stride) for n in framed.shape[2:])
    windows = [framed[:, :, i : i + size, j : j + size].flatten(1) for i in rows for j in columns]
    expected = torch.stack([torch.cdist(window, layer.weight, p=p) for window in windows], 2)
    torch.testing.assert_close(layer(x), expected.unflatten(2, (len(rows), len(columns))))


REFUSED = {
    "no input": lambda: LpDistance(0, 3),
    "no neuron": lambda: LpDistance(3, 0),
    "infinite identity": lambda: LpDistance(3, 3, identity=INF),
    "no kernel": lambda: LpDistance2d(1, 1, 0),
    "no stride": lambda: LpDistance2d(1, 1, 1, 0),
    "negative padding": lambda: LpDistance2d(1, 1, 1, 1, -1),
    "no channel": lambda: MeanShift(0),
    "no momentum": lambda: MeanShift(3, 0.0),
    "too much momentum": lambda: MeanShift(3, 1.5),
    "nothing kept": lambda: SortDistance(3, 3, 0.0),
    "more than all kept": lambda: SortDistance(3, 3, 1.5),
    "no terms": lambda: SortDistance(3, 3, 0.5, terms=0),
    "no examples": lambda: SortDistance(3, 3, 0.5, examples=0),
    "p below 1": lambda: LpDistance(3, 3).relax(0.5),
    "p not a number": lambda: LpDistance(3, 3).relax(torch.nan),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_impossible_arguments_are_refused(make):
    with pytest.raises(InputError):
        make()


def test_inputs_smaller_than_a_kernel_are_refused():
    with pytest.raises(ShapeError, match="kernels of side 3"):
        LpDistance2d(1, 2, 3)(torch.zeros(1, 1, 5, 2))


@chains
def test_logits_are_1_lipschitz_at_p_infinity(make):
    network, x = drawn(make()), images(3000, 0)
    size, share, sign = 10 ** (4 * rand(3000, 1, 1, 1) - 2), rand(*x.shape, seed=1), rand(*x.shape, seed=2) < 0.5
    share = torch.where(rand(3000, 1, 1, 1, seed=3) < 0.5, share, 1)
    other = x + size * share * torch.where(sign, -1, 1)
    with torch.no_grad():
        moved = (network(other) - network(x)).abs().amax(1)
    ratio = moved / (other - x).flatten(1).abs().amax(1)
    assert ratio.max() <= 1 + 1e-12
    assert ratio.max() > 0.99


@pytest.mark.parametrize("p", [8.0, 1000.0])
def test_the_constant_of_a_relaxed_layer_is_attained_where_all_differences_are_equal(p):
    layer, x = drawn(LpDistance(30, 1)), rand(1, 30)
    layer.relax(p)
    layer.weight.data = x - 1
    rise = (layer(x + 0.25) - layer(x)).item() / 0.25
    assert rise == pytest.approx(30 ** (1 / p), rel=1e-9)
    others = rand(500, 30, seed=1)
    ratio = (layer(others) - layer(x)).abs()[:, 0] / (others - x).abs().amax(1)
    assert ratio.max() <= 30 ** (1 / p)


@chains
def test_intervals_of_a_chain_hold_its_samples_within_the_radius(make):
    x, eps = images(4, 0).repeat(1000, 1, 1, 1), 0.1
    graph, S = capture(drawn(make()), x[:2]), LinfBall(eps, None).at(x)
    with torch.no_grad():
        box, logits = Interval().boxes(graph.frozen(), S, outward=False)[-1], graph(x)
        values = graph(x + eps * Noise.of(0, torch.arange(len(x))).signs(x.shape[1:], DTYPE))
    assert (box.lower >= logits - eps - 1e-12).all()
    assert (box.upper <= logits + eps + 1e-12).all()
    assert (values >= box.lower).all()
    assert (values <= box.upper).all()


@pytest.mark.parametrize("layer", [LpDistance(4, 6), SortDistance(4, 6, keep=0.6, terms=3)], ids=["distance", "sorted"])
def test_intervals_of_a_layer_are_attained(layer):
    x, signs = rand(5, 4) - 0.5, torch.cartesian_prod(*[torch.tensor([-0.3, 0.3], dtype=DTYPE)] * 4)
    box = Interval().boxes(capture(drawn(layer), x).frozen(), LinfBall(0.3, None).at(x), outward=False)[-1]
    torch.testing.assert_close(box.upper, layer((x[:, None] + signs).flatten(0, 1)).view(5, 16, 6).amax(1))
    nearest = layer.weight.clamp(x[:, None] - 0.3, x[:, None] + 0.3)
    least = layer(nearest.flatten(0, 1)).view(5, 6, 6).diagonal(dim1=1, dim2=2)
    torch.testing.assert_close(box.lower, least)


def test_a_mean_shift_subtracts_the_batchs_mean_in_training_and_a_running_one_after_it():
    layer, z = MeanShift(3, momentum=0.25).to(DTYPE), rand(5, 3, 4, 4) + 7
    mean = z.mean((0, 2, 3))
    torch.testing.assert_close(layer(z), z - mean[:, None, None])
    torch.testing.assert_close(layer.running_mean, 0.25 * mean)
    layer(2 * z)
    torch.testing.assert_close(layer.running_mean, (0.75 * 0.25 + 0.5) * mean)
    before = layer.eval().running_mean.clone()
    torch.testing.assert_close(layer(z), z - before[:, None, None])
    assert torch.equal(layer.running_mean, before)
    assert set(layer.state_dict()) == {"running_mean"}


def test_gradients_flow_through_the_mean_of_a_batch():
    layer, z, slope = MeanShift(3).to(DTYPE), rand(5, 3, 4).requires_grad_(), rand(5, 3, 4, seed=1)
    (training,) = torch.autograd.grad((layer(z) * slope).sum(), z)
    torch.testing.assert_close(training, slope - slope.mean((0, 2), keepdim=True))
    (after,) = torch.autograd.grad((layer.eval()(z) * slope).sum(), z)
    assert torch.equal(after, slope)


def test_processes_that_share_statistics_subtract_the_mean_of_the_whole_batch():
    layer, z = MeanShift(3).to(DTYPE), rand(8, 3)
    token = SHARED.set(lambda sums: sums + torch.cat([z[5:].sum(0), z.new_tensor([3])]))
    try:
        torch.testing.assert_close(layer(z[:5]), z[:5] - z.mean(0))
    finally:
        SHARED.reset(token)
    torch.testing.assert_close(layer.running_mean, 0.1 * z.mean(0))


def test_a_captured_mean_shift_observes_a_training_pass_once_as_the_layer_does():
    x, y = images(8, 0), labels(8, 0)
    module = drawn(nn.Sequential(LpDistance2d(1, 3, 3), MeanShift(3), nn.Flatten(), nn.Linear(12, 4)))
    graph, twin = capture(module, x), copy.deepcopy(module)
    before = module[1].running_mean.clone()
    module.train(), twin.train()
    logits, expected = graph.run(x)[0], twin(x)
    torch.testing.assert_close(logits, expected)
    for found, wanted in zip(
        *(torch.autograd.grad(out.square().sum(), m.parameters()) for out, m in ((logits, module), (expected, twin))),
        strict=True,
    ):
        torch.testing.assert_close(found, wanted)
    assert not torch.equal(module[1].running_mean, before)
    assert torch.equal(module[1].running_mean, twin[1].running_mean)
    objective = Certified(Interval(), CrossEntropy(), Constant(0.5))
    value = objective(graph, x, y, LinfBall(0.1), progress=Progress(0, 1, 1), noise=Noise.of(0, torch.arange(8)))
    twin(x)
    torch.testing.assert_close(module[1].running_mean, twin[1].running_mean)
    module.zero_grad()
    value.loss.backward()
    assert module[0].weight.grad.any()


@pytest.fixture
def seeded():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.mark.parametrize("training", [True, False])
def test_a_unit_that_keeps_all_inputs_is_the_distance_exactly(training):
    unit, layer, x = SortDistance(9, 5, keep=1.0, bias=True), LpDistance(9, 5, bias=True), rand(7, 9).float()
    layer.load_state_dict(unit.state_dict())
    assert torch.equal(unit.train(training)(x), layer(x))


def test_units_sum_up_the_largest_distances_with_shares_that_sum_up_to_1():
    unit, x, q = drawn(SortDistance(9, 5, keep=0.3, terms=4)), rand(7, 9), 0.3
    d = (x[:, None] - unit.weight).abs().sort(2, descending=True).values
    shares = torch.tensor([q * (1 - q) ** k for k in range(4)], dtype=DTYPE)
    torch.testing.assert_close(unit(x), d[..., :4] @ shares / (1 - (1 - q) ** 4))
    unit.relax(8)
    torch.testing.assert_close(unit(x), d[..., :4] @ shares / (1 - (1 - q) ** 4))


def test_units_are_the_mean_of_distances_over_random_sets_of_inputs(seeded):
    count, inputs = 600, 20
    unit, x = drawn(SortDistance(inputs, 3, keep=0.4, terms=inputs, examples=1, bias=True)), rand(1, inputs)
    exact = unit(x)[0].detach()
    with torch.no_grad():
        found = unit.train()(x.expand(count, inputs))
    error = found.std(0) / count**0.5
    assert ((found.mean(0) - exact).abs() < 3 * error).all()
    assert (error < 0.03).all()


def test_as_many_examples_as_stated_share_a_set_and_only_its_inputs_get_gradients(seeded):
    unit, x = drawn(SortDistance(12, 6, keep=0.5, examples=4)).train(), rand(10, 12).requires_grad_()
    unit.relax(2)
    first, second = (torch.autograd.grad(unit(x).sum(), x)[0] != 0 for _ in range(2))
    groups = [part.unique(dim=0) for part in first.split(4)]
    assert [len(group) for group in groups] == [1, 1, 1]
    assert not torch.equal(groups[0], groups[1])
    assert not torch.equal(first, second)
    assert 0 < first.sum() < first.numel()


def test_a_logit_scale_leaves_logits_alone():
    logits, layer = rand(3, 4), LogitScale(2.0)
    assert layer(logits) is logits
    assert [(name, factor.ndim) for name, factor in layer.named_parameters()] == [("factor", 0)]


def test_a_scaled_layer_divides_by_the_root_of_its_inputs(seeded):
    layer, x = drawn(ScaledLinear(9, 5)), rand(7, 9)
    torch.testing.assert_close(layer(x), x @ layer.weight.T / 3 + layer.bias)
    fresh = ScaledLinear(400, 100)
    assert fresh.weight.std().item() == pytest.approx(1, abs=0.02)
    assert not fresh.bias.any()


def kinds(network):
    return [type(part).__name__ for part in network]


def test_the_label_of_a_distance_network_is_the_nearest_template():
    network, x = LinfDistNet((6,), 4, []), rand(4, 6).float()
    network[0].weight.data = x
    assert network(x).argmax(1).tolist() == [0, 1, 2, 3]
    torch.testing.assert_close(network(x), -torch.cdist(x, x, p=INF))


def test_architectures_shift_hidden_distances_and_have_biases_last():
    hidden, shape = ["LpDistance", "MeanShift"], (1, 4, 4)
    network = LinfDistNet(shape, 4, [9, 7], scaled=True)
    assert kinds(network) == ["Flatten", *hidden, *hidden, "LpDistance", "LogitScale"]
    assert [part.bias is None for part in network if isinstance(part, LpDistance)] == [True, True, False]
    assert kinds(LinfDistNet((16,), 4, [9])) == [*hidden, "LpDistance"]
    sort = ["SortDistance", "MeanShift"]
    sortnet = LinfDistNet((16,), 4, [9, 7], keep=0.5, examples=3)
    assert kinds(sortnet) == [*hidden, *sort, "SortDistance"]
    assert {(part.keep, part.examples) for part in sortnet if isinstance(part, SortDistance)} == {(0.5, 3)}
    assert kinds(LinfDistMLP(shape, 4, [9, 7], 5)) == [
        "Flatten",
        *hidden,
        *hidden,
        "ScaledLinear",
        "Tanh",
        "ScaledLinear",
    ]
    assert kinds(LinfDistMLP((16,), 4, [9, 7], 5, keep=0.5))[:4] == [*hidden, *sort]


def test_the_convolutional_network_halves_its_maps_once():
    network, z, shapes = LinfDistConvNet((1, 7, 6), 4, width=1, features=8, mlp=5), rand(2, 1, 7, 6).float(), []
    for part in network:
        z = part(z)
        shapes += [tuple(z.shape[1:])] if isinstance(part, LpDistance2d) else []
    assert shapes == [(32, 7, 6), (32, 7, 6), (64, 4, 3), (64, 4, 3), (64, 4, 3)]
    assert kinds(network)[10:] == ["Flatten", "LpDistance", "MeanShift", "ScaledLinear", "Tanh", "ScaledLinear"]
    assert z.shape == (2, 4)


class Mixed(nn.Module):
    """Distances of an image and of hidden units, with a linear layer and ReLUs between them and around."""

    def __init__(self):
        super().__init__()
        self.windows, self.linear = LpDistance2d(1, 3, 3, 2, 1, identity=None), nn.Linear(12, 8)
        self.inner, self.last = LpDistance(8, 8, identity=None), nn.Linear(8, 4)

    def forward(self, x):
        return self.last(F.relu(self.inner(F.relu(self.linear(self.windows(x).flatten(1)))) - 1.5))


@functools.cache
def mixed():
    return capture(drawn(Mixed()), images(2, 0))


def mixed_bounds(bounder, seed, eps=0.05):
    graph, x = mixed(), images(20, seed)
    drawn(graph.module, seed)
    S, spec = LinfBall(eps).at(x), LinearSpec.margins(graph(x).argmax(1), 4, DTYPE)
    return graph, S, spec, bounder(graph.frozen(), S, spec, outward=False).lower


BOUNDERS = {"interval": Interval(), "backward": BackwardLinear(), "forward": ForwardLinear(), "dual": DualNetwork()}


@pytest.mark.parametrize("bounder", BOUNDERS.values(), ids=BOUNDERS)
@pytest.mark.parametrize("seed", range(3))
def test_bounds_of_distances_among_other_layers_lie_below_sampled_values(bounder, seed):
    graph, S, spec, lower = mixed_bounds(bounder, seed)
    for fold in range(20):
        noise = Noise.of(seed, torch.arange(20)).fold(fold)
        for z in (S.sample(noise), S.project(S.start + noise.signs((1, 4, 4), DTYPE))):
            assert (lower <= spec.value(graph(z)) + 1e-12).all()
    assert lower.isfinite().all()


@pytest.mark.parametrize("name", ["backward", "forward", "dual"])
def test_linear_bounds_of_distances_are_tighter_than_intervals_on_average(name):
    loose, tight = (mixed_bounds(BOUNDERS[key], 0)[3].mean() for key in ("interval", name))
    assert tight > loose
