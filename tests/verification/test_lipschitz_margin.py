"""Certificates by Lipschitz margins: by hand, against attacks, against rounding, and what is refused."""

import functools
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import nn

from hauberk.architectures import LinfDistMLP, LinfDistNet
from hauberk.attacks import PGD, Restarts
from hauberk.capture import capture
from hauberk.concepts.noise import Noise
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject, Subject
from hauberk.datasets import Generated
from hauberk.errors import InputError, UnsupportedOpError
from hauberk.layers import LpDistance, LpDistance2d, MeanShift, Normalize, SortDistance
from hauberk.losses import Margin
from hauberk.objectives import LpRelaxed, MarginHinge
from hauberk.schedules import Constant, Geometric
from hauberk.threats import GivenBox, L1Ball, L2Ball, LinfBall, Union
from hauberk.training import Trainer
from hauberk.verification import LipschitzMargin
from laws.networks import CLASSES, SHAPE, images, randomize

INF, NAN = torch.inf, torch.nan


def certificate(graph, S, y=None, spec=None):
    y = graph(S.start).argmax(1) if y is None else y
    spec = spec or LinearSpec.margins(y, graph.classes, S.start.dtype)
    return LipschitzMargin()(NetworkSubject(graph.module, graph), S, spec)


def margins(network, x, y):
    with torch.no_grad():
        logits = network(x)
    return logits.gather(1, y[:, None])[:, 0] - logits.scatter(1, y[:, None], -INF).amax(1)


class Padded(nn.Sequential):
    def __init__(self):
        convolution = LpDistance2d(1, 3, 3, stride=2, padding=1, identity=None)
        super().__init__(convolution, MeanShift(3), nn.Flatten(), LpDistance(12, CLASSES, bias=True, identity=None))


CHAINS = {"dense": {}, "scaled": {"scaled": True}, "SortNet": {"keep": 0.6}, "padded": None}
chains = pytest.mark.parametrize("chain", CHAINS)


@functools.cache
def captured(name, dtype=torch.float32):
    """Return the graph of a chain of distances with random parameters, in eval mode; nobody changes it."""
    options = CHAINS[name]
    module = Padded() if options is None else LinfDistNet(SHAPE, CLASSES, [9, 7], identity=None, **options)
    randomize(module.to(dtype), torch.Generator().manual_seed(0), 4.0)
    return capture(module, images(2, 0, dtype))


@pytest.mark.parametrize("std", [1.0, 0.25])
def test_verdict_and_radius_of_a_network_of_two_templates(std):
    core = LinfDistNet((1, 1, 2), 2, [2], identity=None, scaled=True)
    core[1].weight.data = torch.tensor([[0.0, 0.0], [1.0, 0.5]])
    core[2].running_mean.fill_(0.25)
    core[3].weight.data = torch.tensor([[-0.25, 0.75], [0.0, 0.25]])
    core[3].bias.data = torch.tensor([0.125, 0.0])
    core[4].factor.data.fill_(100.0)
    network = nn.Sequential(Normalize([0.0], [std]), core).eval()
    # Hidden distances (0.25, 0.75) and (0.5, 0.5), less 0.25 each; logits (-0.375, -0.25) and (-0.625, -0.25).
    x, y = std * torch.tensor([[[[0.25, 0.125]]], [[[0.5, 0.25]]]]), torch.tensor([1, 1])
    graph = capture(network, x)
    for share, verified in ((0.9, [True, True]), (1.1, [False, True]), (3.1, [False, False])):
        found = certificate(graph, LinfBall(share * std / 16, None).at(x), y)
        assert found.verified.tolist() == verified
        assert found.confidence.tolist() == [1, 1]
        torch.testing.assert_close(found.radius, std * torch.tensor([1, 3]) / 16, rtol=1e-3, atol=0)
    wrong = certificate(graph, LinfBall(0.0, None).at(x), 1 - y)
    assert not wrong.verified.any()
    assert not wrong.radius.any()


class Skip(nn.Module):
    """The sum of two distances, which is 2-Lipschitz."""

    def __init__(self):
        super().__init__()
        self.one, self.other = LpDistance(32, 3), LpDistance(32, 3)

    def forward(self, x):
        return self.one(x.flatten(1)) + self.other(x.flatten(1))


def relaxed():
    network = LinfDistNet((2, 4, 4), 3, [5])
    network[1].relax(8)
    return network


REFUSED = {
    "channels": (lambda: Normalize([0.0, 0.0], [1.0, 0.5]), r"0 \(\w+\): .*std"),
    "finite p": (relaxed, r"1 \(LpDistance\): .*relax\(math.inf\)"),
    "a linear layer": (lambda: nn.Sequential(nn.Flatten(), nn.Linear(32, 4), LpDistance(4, 3)), r"1 \(Linear\): "),
    "a classifier on top": (lambda: LinfDistMLP((2, 4, 4), 3, [5], 4), r"3 \(Linear\): "),
    "a skip": (Skip, r"\(Add\): "),
}


@pytest.mark.parametrize(("make", "words"), REFUSED.values(), ids=REFUSED)
def test_what_has_no_constant_is_refused_by_the_name_of_its_node(make, words):
    x, module = torch.rand(2, 2, 4, 4), make().eval()
    module = nn.Sequential(module, LinfDistNet((2, 4, 4), 3, [5])) if isinstance(module, Normalize) else module
    graph = capture(module, x)
    assert not LipschitzMargin().covers(graph.frozen())
    with pytest.raises(UnsupportedOpError, match=words):
        certificate(graph, LinfBall(0.1).at(x))


@chains
def test_chains_of_distances_are_covered(chain):
    assert LipschitzMargin().covers(captured(chain).frozen())


def test_means_that_move_are_refused():
    x = images(2, 0, torch.float32)
    graph = capture(LinfDistNet(SHAPE, CLASSES, [9]).train(), x)
    assert LipschitzMargin().covers(graph.frozen())
    with pytest.raises(InputError, match="eval"):
        certificate(graph, LinfBall(0.1).at(x))


def test_one_deviation_for_several_channels_divides_the_radius():
    core, x = LinfDistNet((3, 2, 2), 3, [5], identity=None).eval(), torch.rand(6, 3, 2, 2)
    network = nn.Sequential(Normalize([0.1, 0.2, 0.3], [0.5] * 3), core)
    found = certificate(capture(network, x), LinfBall(0.01).at(x))
    alone = certificate(capture(core, x), LinfBall(0.02, None).at(network[0](x)))
    torch.testing.assert_close(found.radius, alone.radius / 2, rtol=1e-3, atol=1e-4)


@dataclass(frozen=True)
class Constantly(Subject):
    """Answers 0."""

    kind = "constant"

    def predict(self, x):
        return torch.zeros(len(x), dtype=torch.int64)


def test_subjects_that_are_no_networks_and_empty_sets_are_refused():
    x, graph = images(2, 0, torch.float32), captured("dense")
    spec = LinearSpec.margins(torch.tensor([0, 0]), CLASSES, x.dtype)
    with pytest.raises(UnsupportedOpError, match="constant"):
        LipschitzMargin()(Constantly(), LinfBall(0.1).at(x), spec)
    with pytest.raises(InputError, match="empty"):
        certificate(graph, LinfBall(0.1).at(x).resized(torch.tensor([0.1, -0.1])))


@chains
def test_no_label_changes_just_below_the_radius(chain):
    graph, x = captured(chain, torch.float64), images(64, 0)
    found, y = certificate(graph, LinfBall(0.0, None).at(x)), graph(x).argmax(1)
    assert (found.radius > 0.01).sum() > 32
    moves = Noise.of(0, torch.arange(64 * 400)).signs(SHAPE, torch.float64)
    radius, x, y = (t.repeat_interleave(400, 0) for t in (found.radius, x, y))
    with torch.no_grad():
        assert torch.equal(graph(x + 0.999 * radius[:, None, None, None] * moves).argmax(1), y)


@chains
def test_the_radius_is_half_the_margin_less_rounding(chain):
    graph, x = captured(chain), images(64, 0, torch.float32)
    found = certificate(graph, LinfBall(0.05, None).at(x))
    half = margins(graph, x, graph(x).argmax(1)) / 2
    assert (found.radius <= half).all()
    assert (found.radius >= half - 1e-3).all()
    assert torch.equal(found.verified, found.radius >= 0.05)
    assert 0 < found.verified.sum() < 64


X = images(64, 0, torch.float32)
SETS = {
    "l2": (L2Ball(0.05, None), 0.05),
    "l1": (L1Ball(0.05, None), 0.05),
    "union": (Union([LinfBall(0.01, None), L2Ball(0.03, None), L1Ball(0.05, None)]), 0.05),
    "within": (LinfBall(0.05), 0.05),
    "upward": (GivenBox(X, X + 0.05, None), 0.05),
}


@pytest.mark.parametrize(("threat", "reach"), SETS.values(), ids=SETS)
def test_other_sets_are_covered_by_the_linf_ball_around_them(threat, reach):
    graph = captured("dense")
    S, y = threat.at(X), graph(X).argmax(1)
    found = certificate(graph, S)
    lower = found.lower.amin(1)
    torch.testing.assert_close(lower, margins(graph, X, y) - 2 * reach, rtol=0, atol=1e-3)
    assert 0 < found.verified.sum() < 64
    for fold in range(20):
        z = S.sample(Noise.of(0, torch.arange(64)).fold(fold))
        assert (margins(graph, S.decode(z), y) >= lower).all()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A network that was trained for a moment, test images and their labels."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        data, network = Generated([1, 4, 4], 4, train=240, test=120), LinfDistNet(SHAPE, 4, [32], identity=None)
        objective = LpRelaxed(MarginHinge(), Geometric(8, 1000, 0.1, 0.8), 0.8)
        trainer = Trainer(objective, 20, Constant(0.02), batch=60, held_out=0)
        trainer.fit(network, data.train(), LinfBall(0.2), Path(tmp_path_factory.mktemp("trained")))
    x, y = data.test().batch(slice(None))
    return capture(network, x), x, y


@pytest.mark.parametrize("eps", [0.05, 0.1, 0.15])
def test_certified_examples_withstand_pgd_and_those_are_correct(eps, trained):
    graph, x, y = trained
    S = LinfBall(eps).at(x)
    verified = certificate(graph, S, y).verified
    z = Restarts(PGD(Margin(), 20, 0.1), 2)(graph, S, y, noise=Noise.of(0, torch.arange(len(y))))
    clean, robust = graph(x).argmax(1) == y, graph(z).argmax(1) == y
    assert not (verified & ~robust).any()
    assert 0 < verified.sum() <= (robust & clean).sum() <= clean.sum()
    assert verified.sum() < len(y)


class Single(nn.Module):
    """Single neurons one after another, whose margins the worst members of a ball attain."""

    def __init__(self, layers, inputs, keep):
        super().__init__()
        first = SortDistance(inputs, 1, keep, terms=400) if keep < 1 else LpDistance(inputs, 1)
        others = [part for _ in range(layers - 1) for part in (LpDistance(1, 1), MeanShift(1))]
        self.hidden, self.last = nn.Sequential(first, MeanShift(1), *others), LpDistance(1, 2, bias=True)

    def forward(self, x):
        return -self.last(self.hidden(x))

    @torch.no_grad()
    def draw(self, x, scale, generator):
        """Draw parameters of this scale, with most outputs of hidden layers between the last weights."""
        for t in (*self.hidden.parameters(), *self.hidden.buffers(), self.last.bias):
            if t.ndim:
                t.copy_(scale * torch.randn(t.shape, generator=generator))
        self.hidden[0].weight.sub_(4 * scale)
        if isinstance(self.hidden[0], SortDistance):  # equal terms, whose sums round the same way again and again
            self.hidden[0].weight.fill_(-4 * scale)
        u = self.hidden(x)
        self.last.weight.copy_(u.quantile(torch.tensor([0.1, 0.9]), 0))
        self.last.bias.mul_((u.max() - u.min()) / scale / 20)


SINGLES = {"one layer": (1, 1, 1.0), "five layers": (5, 1, 1.0), "wide": (2, 50, 1.0), "sorted": (2, 400, 0.005)}
singles = pytest.mark.parametrize("single", SINGLES)
scales = pytest.mark.parametrize("scale", [1e-3, 1.0, 1e4])


@functools.cache
def single_graph(name):
    return capture(Single(*SINGLES[name]).eval(), torch.rand(2, SINGLES[name][1]))


def single_problem(name, scale, seed):
    graph, generator = single_graph(name), torch.Generator().manual_seed(seed)
    x = (scale * torch.randn(100, 1, generator=generator)).expand(-1, SINGLES[name][1]).contiguous()
    graph.module.draw(x, scale, generator)
    return graph, x, graph(x).argmax(1), generator


@singles
@scales
def test_margins_as_float32_computes_them_are_never_below_the_certificate(single, scale):
    for seed in range(3):
        graph, x, y, generator = single_problem(single, scale, seed)
        spec, gaps = LinearSpec.margins(y, 2, x.dtype), []
        for share in (1e-6, 1e-2):
            S = LinfBall(share * scale * torch.rand(100, generator=generator), None).at(x)
            lower = certificate(graph, S).lower.double()
            members = (S.start, S.box.lower, S.box.upper, S.sample(Noise.of(seed, torch.arange(100))))
            gaps += [(spec.value(graph(z).detach()).double() - lower).min() for z in members]
        assert min(gaps) >= 0
        assert min(gaps) < 5e-4 * scale


@singles
@scales
def test_the_radius_holds_as_float32_computes_even_beyond_the_set(single, scale):
    for seed in range(3):
        graph, x, y, _ = single_problem(single, scale, seed)
        radius = certificate(graph, LinfBall(0.0, None).at(x)).radius
        assert (radius > 0).sum() > 50
        for sign in (-1, 1):
            z = torch.nextafter(x + sign * radius[:, None], x)
            assert ((margins(graph, z, y) > 0) | (radius == 0)).all()


@pytest.mark.parametrize("bad", [NAN, INF, -INF], ids=str)
@pytest.mark.parametrize("place", ["1.weight", "2.running_mean", "5.weight", "5.bias"])
@pytest.mark.parametrize("chain", ["dense", "SortNet"])
def test_networks_that_are_not_finite_are_never_verified(chain, place, bad):
    graph, x = captured(chain), images(4, 0, torch.float32)
    tensor = graph.module.state_dict()[place].view(-1)
    before = tensor[0].clone()
    try:
        tensor[0] = bad
        for label in range(CLASSES):
            found = certificate(graph, LinfBall(0.0).at(x), torch.full((4,), label))
            assert not found.verified.any()
            assert not found.radius.any()
    finally:
        tensor[0] = before


def test_what_overflows_at_some_member_is_not_verified():
    network = LinfDistNet((1,), 2, []).eval()
    network[0].weight.data = torch.tensor([[0.0], [3.3e38]])
    graph, x = capture(network, torch.zeros(2, 1)), torch.zeros(1, 1)
    assert certificate(graph, LinfBall(1e36, None).at(x)).verified.all()
    S = LinfBall(2e37, None).at(x)
    assert not network(S.box.lower).isfinite().all()
    assert not certificate(graph, S).verified.any()


@pytest.mark.parametrize("bad", [NAN, INF])
def test_specifications_that_are_not_finite_are_never_verified(bad):
    graph, x = captured("dense"), images(4, 0, torch.float32)
    for name in ("rows", "offset"):
        spec = LinearSpec.margins(graph(x).argmax(1), CLASSES, x.dtype)
        getattr(spec, name)[:, 0] = bad
        assert not certificate(graph, LinfBall(0.0).at(x), spec=spec).verified.any()
