"""What every bound method obeys."""

import contextlib
import itertools
import typing
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F

from hauberk.attacks import PGD
from hauberk.bounds import BackwardLinear, ForwardLinear, HighProbability, Interval, ShrunkInterval
from hauberk.capture import capture
from hauberk.concepts.bounder import Bounder, Tightness
from hauberk.concepts.box import Box
from hauberk.concepts.noise import Noise
from hauberk.concepts.op import Relaxable
from hauberk.concepts.perturbation_set import CertifiableSet, ThreatModel
from hauberk.concepts.relaxation import Relaxation
from hauberk.concepts.rows import Rows
from hauberk.concepts.slopes import Adaptive, Parallel, Slopes
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import InputError, UnsupportedOpError, UnsupportedSetError
from hauberk.losses import CrossEntropy, Margin
from hauberk.propagation.backward_pass import BackwardPass
from hauberk.threats import L1Ball, LinfBall, Union
from hauberk.threats.linf_ball import LinfSet
from laws.instances import arguments, concrete, crossed, distinct, instances, label
from laws.networks import BUILDERS, CLASSES, SHAPE, images, labels, network

B = 4
DTYPE = torch.float64
RADII = torch.tensor([0.02, 0.1, 0.3, 0.05], dtype=DTYPE)
EVERY = [*instances(Bounder), BackwardLinear(ForwardLinear())]
BOUNDERS = [bounder for bounder in EVERY if bounder.certifies and not bounder.failure]
THREATS = [threat for threat in instances(ThreatModel) if isinstance(threat.at(images(1, 0)), CertifiableSet)]


@pytest.fixture(autouse=True)
def applicable(request):
    """Skip a network that a bounder says it is not defined on; what it does there instead is a law of its own."""
    given = getattr(request.node, "callspec", None)
    bounder, name = (given.params.get(key) if given else None for key in ("bounder", "name"))
    if bounder is not None and name is not None and not bounder.covers(network(name, 0).frozen()):
        pytest.skip("not defined on this network")


bounders = pytest.mark.parametrize("bounder", BOUNDERS, ids=label)
networks = pytest.mark.parametrize("name", BUILDERS)
bounded = pytest.mark.parametrize(("bounder", "name"), crossed(BOUNDERS, BUILDERS, 1))
partly_bounded = pytest.mark.parametrize(("bounder", "name"), crossed(BOUNDERS, BUILDERS, 1, 2))


@dataclass(frozen=True)
class Drawn(Slopes):
    """Random choices: every one of them is sound."""

    seed: int

    def __call__(self, op: Relaxable, box: Box) -> Relaxation:
        generator = torch.Generator().manual_seed(self.seed)
        shape = op.relax(box).lower_slope.shape
        return op.relax(box, torch.rand(shape, generator=generator, dtype=box.lower.dtype))


def problem(name, seed=0, threat=None, scale=1.0, dtype=DTYPE):
    """Return a network, its frozen graph, sets around random inputs, labels and the margins to bound."""
    graph = network(name, seed, scale, dtype)
    x, y = images(B, seed, dtype), labels(B, seed)
    S = (threat or LinfBall(RADII)).at(x)
    return graph, graph.frozen(), S, y, LinearSpec.margins(y, CLASSES, dtype)


def members(graph, S, y, seed=0):
    """Yield points of the sets: random ones, corners, and an attack's answers."""
    noise = Noise.of(seed, torch.arange(len(y)))
    for fold in range(8):
        z = S.sample(noise.fold(fold))
        yield z
        yield S.project(S.start + 1e6 * (z - S.start))
    yield PGD(Margin(), steps=5, step=0.5, stop_when_broken=False)(graph, S, y, noise=noise)
    yield S.start


def crossing(lower, value):
    """Return by how much a lower bound exceeds a value anywhere: NaN, which passes no test, if either is NaN."""
    return (lower - value).max().item()


def require_sound(bounder, graph, frozen, S, y, spec, tolerance=1e-9, outward=True):
    bounds = bounder(frozen, S, spec, outward=outward)
    for z in members(graph, S, y):
        values = frozen.values(S.decode(z))
        assert crossing(bounds.lower, spec.value(values[-1])) <= tolerance
        for value, box in zip(values, bounds.boxes, strict=True):
            assert crossing(box.lower, value) <= tolerance
            assert crossing(value, box.upper) <= tolerance


@bounded
def test_bounds_hold_at_sampled_and_attacked_points(bounder, name):
    require_sound(bounder, *problem(name, 1))


@networks
@pytest.mark.parametrize("scale", [0.3, 3.0])
@pytest.mark.parametrize("outward", [True, False])
@pytest.mark.parametrize("seed", range(2))
def test_bounds_hold_for_random_slopes(name, scale, outward, seed):
    for intermediate in (None, Interval()):
        bounder = BackwardLinear(intermediate, Drawn(seed))
        require_sound(bounder, *problem(name, seed + 2, scale=scale), outward=outward)


@pytest.mark.parametrize(("threat", "name"), crossed(THREATS, BUILDERS, 1, 2))
def test_bounds_hold_for_every_certifiable_set(threat, name):
    for bounder in (Interval(), BackwardLinear()):
        require_sound(bounder, *problem(name, 3, threat))


@partly_bounded
def test_bounds_over_a_union_are_those_of_its_worst_members(bounder, name):
    union = Union([LinfBall(RADII), Union([L1Ball(10 * RADII)])])
    _graph, frozen, S, _y, spec = problem(name, 24, union)
    found = bounder(frozen, S, spec)
    apart = [bounder(frozen, member.at(S.start), spec) for member in (LinfBall(RADII), L1Ball(10 * RADII))]
    assert torch.equal(found.lower, torch.minimum(*(each.lower for each in apart)))
    for one, other, box in zip(*(each.boxes for each in apart), found.boxes, strict=True):
        assert torch.equal(box.lower, torch.minimum(one.lower, other.lower))
        assert torch.equal(box.upper, torch.maximum(one.upper, other.upper))


@pytest.mark.product
@networks
@pytest.mark.parametrize(
    "bounder", [b for b in instances(Bounder, whole=True) if b.certifies and not b.failure], ids=label
)
def test_bounds_hold_for_the_whole_product(bounder, name):
    for seed, (threat, scale) in enumerate(zip(distinct(THREATS), itertools.cycle((0.3, 1.0, 3.0)), strict=False)):
        with contextlib.suppress(UnsupportedSetError):
            require_sound(bounder, *problem(name, seed + 10, threat, scale))


@bounders
def test_what_a_bounder_is_not_defined_on_it_refuses(bounder):
    for name in BUILDERS:
        _, frozen, S, _, spec = problem(name, 1)
        if not bounder.covers(frozen):
            with pytest.raises(UnsupportedOpError):
                bounder(frozen, S, spec)


@bounded
def test_float32_bounds_with_outward_rounding_hold_without_tolerance(bounder, name):
    for seed in range(2):
        graph, frozen, S, y, spec = problem(name, seed, LinfBall(1e-3), dtype=torch.float32)
        require_sound(bounder, graph, frozen, S, y, spec, tolerance=0)


@partly_bounded
def test_with_radius_zero_bounds_are_the_forward_pass(bounder, name):
    graph, frozen, S, _, spec = problem(name, 4, LinfBall(0.0))
    bounds = bounder(frozen, S, spec, outward=False)
    torch.testing.assert_close(bounds.lower, spec.value(graph(S.start)), rtol=0, atol=1e-12)
    for value, box in zip(frozen.values(S.start), bounds.boxes, strict=True):
        torch.testing.assert_close(box.lower, value, rtol=0, atol=1e-12)
        torch.testing.assert_close(box.upper, value, rtol=0, atol=1e-12)


@partly_bounded
def test_bounds_of_an_example_do_not_depend_on_its_batch(bounder, name):
    if bounder.searches:
        pytest.skip("its search may end elsewhere when rounding differs")
    _graph, frozen, S, _y, spec = problem(name, 5)
    together = bounder(frozen, S, spec).lower
    for i in (0, B - 1):
        index = torch.tensor([i])
        alone = bounder(frozen, S.select(index), spec.select(index)).lower
        torch.testing.assert_close(alone, together[i : i + 1], rtol=0, atol=1e-12)


@partly_bounded
def test_a_row_does_not_depend_on_the_other_rows_and_offsets_are_added(bounder, name):
    _graph, frozen, S, _y, spec = problem(name, 6)
    together = bounder(frozen, S, spec, outward=False).lower
    first = LinearSpec(spec.rows[:, 1:2], spec.offset[:, 1:2] + 0.25)
    torch.testing.assert_close(
        bounder(frozen, S, first, outward=False).lower, together[:, 1:2] + 0.25, rtol=0, atol=1e-12
    )


@partly_bounded
def test_inference_mode_changes_no_bound(bounder, name):
    graph, x = network(name, 5), images(B, 5)
    spec, noise = LinearSpec.margins(labels(B, 5), CLASSES, DTYPE), Noise.of(0, torch.arange(B))
    expected = bounder(graph.frozen(), LinfBall(0.05).at(x), spec, noise=noise)
    with torch.inference_mode():
        frozen = graph.frozen()
        found = bounder(frozen, LinfBall(0.05).at(x.clone()), spec, noise=noise)
    torch.testing.assert_close(found.lower, expected.lower, rtol=0, atol=1e-12)
    again = bounder(frozen, LinfBall(0.05).at(x), spec, noise=noise)
    torch.testing.assert_close(again.lower, expected.lower, rtol=0, atol=1e-12)


@partly_bounded
def test_outward_rounding_only_loosens_a_little(bounder, name):
    if bounder.searches:
        pytest.skip("its search may end elsewhere when rounding differs")
    _graph, frozen, S, _y, spec = problem(name, 7)
    naive, outward = (bounder(frozen, S, spec, outward=o) for o in (False, True))
    firm = torch.stack([firmly_relaxed(naive.boxes[i]) for i in frozen.relaxed] or [torch.ones(B)]).bool().all(0)
    naive, outward = naive.lower[firm], outward.lower[firm]
    assert (outward <= naive + 1e-12).all()  # lines that turn with wider boxes may gain the last digits
    torch.testing.assert_close(outward, naive, rtol=0, atol=1e-9)


def firmly_relaxed(box):
    """Return the examples none of whose neurons ends at a kink: there a fixed slope jumps with the last digit."""
    return ((box.lower.abs() > 1e-12) & (box.upper.abs() > 1e-12)).flatten(1).all(1)


@partly_bounded
def test_outward_float32_bounds_lie_below_float64_bounds_of_the_same_network(bounder, name):
    if bounder.searches:
        pytest.skip("its search may end elsewhere when rounding differs")
    if name == "max pooled":
        pytest.skip("where two inputs are nearly as good, either precision may relax another one")
    graph, frozen, S, _y, spec = problem(name, 8, LinfBall(0.05), dtype=torch.float32)
    single = bounder(frozen, S, spec).lower
    double = network(name, 8, dtype=DTYPE)
    double.module.load_state_dict(graph.module.state_dict())
    box = Box(S.box.lower.double(), S.box.upper.double())
    T = LinfSet(S.start.double(), S.radius.double(), box, None)
    spec = LinearSpec(spec.rows.double(), spec.offset.double())
    exact = bounder(double.frozen(), T, spec, outward=False).lower
    assert crossing(single.double(), exact) <= 0
    assert (exact - single.double()).max() < 1e-3


@partly_bounded
def test_float32_bounds_agree_with_float64_bounds(bounder, name):
    if bounder.searches:
        pytest.skip("its search may end elsewhere when rounding differs")
    if name == "max pooled":
        pytest.skip("where two inputs are nearly as good, either precision may relax another one")
    graph, frozen, S, _y, spec = problem(name, 8, LinfBall(0.05), dtype=torch.float32)
    single = bounder(frozen, S, spec, outward=False).lower
    double = network(name, 8, dtype=DTYPE)
    double.module.load_state_dict(graph.module.state_dict())
    T = LinfBall(0.05).at(S.start.double())
    spec = LinearSpec(spec.rows.double(), spec.offset.double())
    exact = bounder(double.frozen(), T, spec, outward=False).lower
    scale = graph(S.start).abs().max().item()
    torch.testing.assert_close(single.double(), exact, rtol=0, atol=1e-4 * scale)


@networks
def test_chunks_and_their_size_change_nothing(name):
    _graph, frozen, S, _y, spec = problem(name, 9)
    whole, rows = (BackwardLinear(budget=size)(frozen, S, spec).lower for size in (2**26, 6000))
    torch.testing.assert_close(whole, rows, rtol=0, atol=1e-12)


@networks
@pytest.mark.parametrize("slopes", [Adaptive(), Parallel(), None], ids=str)
def test_ragged_rows_give_the_bounds_of_uniform_rows(name, slopes):
    _graph, frozen, S, _y, spec = problem(name, 10)
    backward = BackwardPass(frozen, S, Interval().boxes(frozen, S), slopes, outward=True)
    uniform = Rows.uniform(spec.rows)
    order = torch.randperm(len(uniform.values), generator=torch.Generator().manual_seed(0))[: len(uniform.values) - 2]
    ragged = Rows(uniform.values[order], uniform.owner[order])
    torch.testing.assert_close(
        backward.lower(ragged, len(frozen.nodes)),
        backward.lower(uniform, len(frozen.nodes))[order],
        rtol=0,
        atol=1e-12,
    )


@networks
def test_the_merged_last_layer_is_never_looser_than_the_difference_of_logit_bounds(name):
    _graph, frozen, S, y, spec = problem(name, 11)
    bounds = Interval()(frozen, S, spec, outward=False)
    logits = bounds.boxes[-1]
    own = logits.lower.gather(1, y[:, None])
    others = torch.stack([logits.upper[i, torch.arange(CLASSES) != y[i]] for i in range(B)])
    assert crossing(own - others, bounds.lower) <= 1e-12


@networks
def test_the_better_of_two_bounds_is_a_bound(name):
    graph, frozen, S, y, spec = problem(name, 12)
    both = torch.maximum(Interval()(frozen, S, spec).lower, BackwardLinear(Interval())(frozen, S, spec).lower)
    for z in members(graph, S, y):
        assert crossing(both, spec.value(graph(z))) <= 1e-9


@partly_bounded
def test_interval_bounds_grow_with_the_radius_and_no_bounders_boxes_are_looser(bounder, name):
    _graph, frozen, S, _y, _spec = problem(name, 13)
    interval = Interval().boxes(frozen, S, outward=False)
    wide = Interval().boxes(frozen, LinfBall(1.5 * RADII).at(S.start), outward=False)
    for box, larger, own in zip(interval, wide, bounder.boxes(frozen, S, outward=False), strict=True):
        assert crossing(larger.lower, box.lower) <= 1e-12
        assert crossing(box.upper, larger.upper) <= 1e-12
        if bounder.tightness < Tightness.LINEAR:
            continue
        assert crossing(box.lower, own.lower) <= 1e-12
        assert crossing(own.upper, box.upper) <= 1e-12


@partly_bounded
def test_without_unstable_neurons_backward_bounds_are_the_exact_minimum(bounder, name):
    if bounder.tightness < Tightness.STABLE:
        pytest.skip("it does not claim to be exact there")
    if name == "smooth":
        pytest.skip("smooth functions are never exactly linear")
    graph, frozen, S, _y, spec = problem(name, 14, LinfBall(1e-7, None))
    if any(frozen.loose(i, box).any() for i, box in enumerate(Interval().boxes(frozen, S))):
        pytest.skip("an operator is relaxed on every box that is no point")
    exact = spec.value(graph(S.start)) + torch.stack(
        [
            torch.stack([-1e-7 * gradient.abs().sum() for gradient in row])
            for row in torch.autograd.functional.jacobian(lambda z: spec.value(graph(z)).sum(0), S.start).transpose(
                0, 1
            )
        ]
    )
    torch.testing.assert_close(bounder(frozen, S, spec, outward=False).lower, exact, rtol=0, atol=1e-12)


@bounders
def test_a_linear_network_is_bounded_by_the_support_function(bounder):
    if bounder.tightness < Tightness.LINEAR:
        pytest.skip("it does not claim to be exact there")
    for seed in range(5):
        graph, frozen, S, _y, spec = problem("linear", seed)
        weight, bias = graph.module[1].weight, graph.module[1].bias
        rows = spec.rows @ weight
        exact = spec.rows @ bias - S.support_function(-rows.view(B, -1, *SHAPE))
        torch.testing.assert_close(bounder(frozen, S, spec, outward=False).lower, exact, rtol=0, atol=1e-12)


@bounders
def test_bounds_of_the_first_layer_are_those_of_interval_arithmetic(bounder):
    if bounder.tightness < Tightness.LINEAR:
        pytest.skip("it does not claim to be exact there")
    graph, frozen, S, _, _ = problem("dense", 15, LinfBall(RADII, None))
    layer = graph.module[1]
    center = S.start.flatten(1) @ layer.weight.T + layer.bias
    radius = RADII[:, None] * layer.weight.abs().sum(1)
    box = bounder.boxes(frozen, S, outward=False)[2]
    torch.testing.assert_close(box.lower, center - radius, rtol=0, atol=1e-12)
    torch.testing.assert_close(box.upper, center + radius, rtol=0, atol=1e-12)


@partly_bounded
def test_the_robust_loss_is_above_the_loss_of_every_member(bounder, name):
    graph, frozen, S, y, spec = problem(name, 16)
    margins = bounder(frozen, S, spec, outward=False).lower
    robust = CrossEntropy()(torch.cat([torch.zeros(B, 1, dtype=DTYPE), -margins], 1), torch.zeros_like(y))
    for z in members(graph, S, y):
        assert crossing(CrossEntropy()(graph(z), y), robust) <= 1e-9


@partly_bounded
def test_gradients_of_the_robust_loss_are_those_of_central_differences(bounder, name):
    if not bounder.differentiable:
        pytest.skip("its margins have no gradient")
    graph, _, S, _y, spec = problem(name, 17)
    parameters = list(graph.module.parameters())
    generator = torch.Generator().manual_seed(0)
    direction = [torch.randn(p.shape, generator=generator, dtype=DTYPE) for p in parameters]

    def loss():
        margins = bounder(graph.frozen(), S, spec, outward=False).lower
        return F.softplus(-margins).sum()

    gradients = torch.autograd.grad(loss(), parameters, allow_unused=True)
    slope = sum((g * d).sum() for g, d in zip(gradients, direction, strict=True) if g is not None)
    h, ends = 1e-6, []
    with torch.no_grad():
        for step in (h, -2 * h):
            for p, d in zip(parameters, direction, strict=True):
                p.add_(d, alpha=step)
            ends.append(loss())
    torch.testing.assert_close(slope, (ends[0] - ends[1]) / (2 * h), rtol=1e-5, atol=1e-7)


@partly_bounded
def test_boxes_given_by_the_bounder_are_those_it_uses(bounder, name):
    _graph, frozen, S, _y, spec = problem(name, 18)
    for a, b in zip(bounder.boxes(frozen, S), bounder(frozen, S, spec).boxes, strict=True):
        assert torch.equal(a.lower, b.lower)
        assert torch.equal(a.upper, b.upper)


@partly_bounded
def test_bounds_with_the_statistics_of_a_training_batch_hold_for_that_frozen_network(bounder, name):
    graph, _, S, y, spec = problem(name, 19)
    graph.module.train()
    for part in graph.module.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    try:
        if "Dropout" in {type(node.op).__name__ for node in graph.frozen().nodes}:
            pytest.skip("dropout is refused in training")
        logits, frozen = graph.run(S.start)
    finally:
        graph.module.eval()
    torch.testing.assert_close(frozen(S.start), logits, rtol=0, atol=1e-12)
    require_sound(bounder, frozen, frozen, S, y, spec)


@bounders
def test_a_network_of_reshapes_alone_is_bounded(bounder):
    if bounder.tightness < Tightness.LINEAR:
        pytest.skip("it does not claim to be exact there")
    graph = capture(torch.nn.Flatten(), images(2, 0))
    S = LinfBall(0.1).at(images(B, 20))
    spec = LinearSpec.margins(labels(B, 20), 16, DTYPE)
    exact = -S.support_function(-spec.rows.view(B, -1, *SHAPE))
    torch.testing.assert_close(bounder(graph.frozen(), S, spec, outward=False).lower, exact, rtol=0, atol=1e-12)


@bounders
def test_cancelling_batch_norm_constants_are_covered_by_outward_rounding(bounder):
    """Mean and bias that cancel leave a small shift, but the network rounds at the size of the mean."""
    graph = network("convolutional", 21, dtype=torch.float32)
    norm = graph.module[1]
    with torch.no_grad():
        norm.running_mean.copy_(1000.123 * torch.tensor([1, -1.7, 2.3, 3.1]))
        norm.bias.copy_(norm.running_mean * norm.weight * torch.rsqrt(norm.running_var + norm.eps))
        graph.module[0].weight.mul_(1e-3)
        graph.module[6].weight.mul_(10)
    y = labels(B, 21)
    spec = LinearSpec.margins(y, CLASSES)
    for seed in range(20):
        S = LinfBall(0.0).at(images(B, seed, torch.float32))
        bounds = bounder(graph.frozen(), S, spec)
        assert crossing(bounds.lower, spec.value(graph(S.start))) <= 0


def test_the_chosen_slopes_reach_the_relaxation():
    _graph, frozen, S, _y, spec = problem("dense", 22)
    found = {label(s): BackwardLinear(Interval(), s)(frozen, S, spec).lower for s in (Adaptive(), Parallel())}
    assert not torch.equal(*found.values())
    drawn = [BackwardLinear(Interval(), Drawn(seed))(frozen, S, spec).lower for seed in range(2)]
    assert not torch.equal(*drawn)


@pytest.mark.parametrize("cls", concrete(Bounder), ids=lambda cls: cls.__name__)
def test_a_method_made_of_others_takes_over_what_they_do_not_prove(cls):
    """Estimates stay estimates, and probabilities of failure add up, unless the class refuses such parts."""
    hints = typing.get_type_hints(cls.__init__) if cls.__init__ is not object.__init__ else {}
    taking = [name for name, hint in hints.items() if name != "return" and takes_bounders(hint)]
    if not taking:
        pytest.skip("it is not made of others")
    first = {name: values[0] for name, values in arguments(cls).items()}
    for part, certifies, failure in ((ShrunkInterval(0.5), False, 0.0), (HighProbability(200, 0.01), True, 0.01)):
        given = {name: [part, part] if typing.get_origin(hints[name]) is Sequence else part for name in taking}
        try:
            made = cls(**first | given)
        except InputError:
            continue
        assert made.certifies == certifies
        assert made.failure >= failure


def takes_bounders(hint):
    return hint is Bounder or Bounder in typing.get_args(hint)
