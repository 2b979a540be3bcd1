"""Gap and distance of a relaxation, by the checks of their method card."""

import pytest
import torch
from torch import nn

from hauberk.bounds import BackwardLinear, Interval
from hauberk.capture import capture
from hauberk.concepts.noise import Noise
from hauberk.concepts.schedule import Progress
from hauberk.concepts.slopes import Adaptive, Parallel
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import UnsupportedOpError
from hauberk.losses import CrossEntropy
from hauberk.objectives import Certified, Tightened
from hauberk.propagation.watched_pass import WatchedPass
from hauberk.schedules import Constant
from hauberk.threats import L1Ball, L2Ball, LinfBall
from laws.networks import CLASSES, images, labels, network
from longer import mostly_later

FAST_LIN = BackwardLinear(slopes=Parallel())
B = 8


def value(graph, x, y, threat, gap=1.0, distance=1.0, intermediate=FAST_LIN, slopes=None, **changes):
    objective = Tightened(
        intermediate, CrossEntropy(), Constant(0.0), Constant(gap), Constant(distance), slopes or Parallel(), **changes
    )
    return objective(graph, x, y, threat, progress=Progress(0, 1, 1), noise=Noise.of(0, torch.arange(len(y))))


def margin_of(robust):
    """The margin of the only other class, given the cross-entropy of one example."""
    return -torch.expm1(robust).log()


@pytest.fixture(scope="module")
def toy():
    """f_0 - f_1 = x_2 - |x_1|, a network whose unstable neurons cost nothing (section 9)."""
    module = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2)).double()
    with torch.no_grad():
        module[0].weight.copy_(torch.tensor([[1.0, 0], [-1, 0], [0, 1], [0, -1]]))
        module[2].weight.copy_(0.5 * torch.tensor([[-1.0, -1, 1, -1], [1, 1, -1, 1]]))
        module[0].bias.zero_()
        module[2].bias.zero_()
    return capture(module, torch.zeros(2, 2, dtype=torch.float64))


@pytest.mark.parametrize(
    ("x", "y", "margin", "gap", "distance", "slopes"),
    [
        ([0.1, 1.2], 0, 0.3, 0.0, 0.0, Parallel()),
        ([0.1, 1.2], 0, 0.3, 0.0, 0.0, Adaptive()),
        ([0.1, -1.2], 1, 0.725, 0.375, 0.3, Parallel()),
    ],
)
def test_the_toy_network(toy, x, y, margin, gap, distance, slopes):
    found = value(toy, torch.tensor([x], dtype=torch.float64), torch.tensor([y]), LinfBall(0.4, None), slopes=slopes)
    expected = {"gap": gap, "distance": distance}
    for name, number in expected.items():
        assert found.parts[name].item() == pytest.approx(number, abs=1e-12)
    assert margin_of(found.parts["robust"]).item() == pytest.approx(margin, abs=1e-12)


def test_unstable_neurons_need_cost_nothing(toy):
    generator = torch.Generator().manual_seed(0)
    x1 = torch.rand(400, generator=generator, dtype=torch.float64) * 2 - 1
    height = torch.rand(400, generator=generator, dtype=torch.float64)
    eps = 0.25
    above = torch.stack([x1, x1.abs() + 2 * eps + height], 1)
    aside = torch.stack([x1.sign() * (x1.abs() + eps), -eps - height], 1)
    for x, y in ((above, 0), (aside, 1)):
        found = value(toy, x, torch.full((400,), y), LinfBall(eps, None))
        assert abs(found.parts["gap"]) <= 1e-12
        assert found.parts["distance"] <= 1e-12
        assert found.robust.all()


@pytest.mark.parametrize("threat", [LinfBall(0.1), LinfBall(0.1, None), L2Ball(0.4), L1Ball(0.7)], ids=str)
@pytest.mark.parametrize("slopes", [Parallel(), Adaptive()], ids=str)
@pytest.mark.parametrize("name", ["dense", "convolutional", "residual"])
def test_the_worst_points_are_members_that_bounds_hold_at(name, slopes, threat):
    graph, x, y = network(name, 1), images(B, 1), labels(B, 1)
    S, frozen = threat.at(x), graph.frozen()
    boxes = BackwardLinear(slopes=slopes).boxes(frozen, S, outward=False)
    spec = LinearSpec.margins(y, CLASSES, x.dtype)
    backward = WatchedPass(frozen, S, boxes, slopes, outward=False)
    lower = backward.margins(spec)
    for k in range(lower.shape[1]):
        z = backward.worst[:, k]
        assert S.contains(z, atol=1e-9).all()
        values = frozen.values(z)
        assert (spec.value(values[-1])[:, k] >= lower[:, k] - 1e-9).all()
        for box, found in zip(boxes, values, strict=True):
            assert (found >= box.lower - 1e-9).all()
            assert (found <= box.upper + 1e-9).all()


@pytest.mark.parametrize("threat", [LinfBall(0.1), L2Ball(0.4)], ids=str)
@pytest.mark.parametrize("slopes", [Parallel(), Adaptive()], ids=str)
def test_the_perturbed_linear_network_takes_the_value_of_the_bound(slopes, threat):
    """Forward from the worst point, every unstable neuron on the line that its row took (section 3)."""
    graph, x, y = network("dense", 4), images(B, 4), labels(B, 4)
    S, frozen, spec = threat.at(x), graph.frozen(), LinearSpec.margins(y, CLASSES, x.dtype)
    boxes = BackwardLinear(slopes=slopes).boxes(frozen, S, outward=False)
    backward = WatchedPass(frozen, S, boxes, slopes, outward=False)
    lower = backward.margins(spec)
    for k in range(lower.shape[1]):
        values = [backward.worst[:, k]]
        for index, node in enumerate(frozen.nodes, start=1):
            operand = values[node.inputs[0]]
            if index in backward.upper:
                upper, lines = backward.upper[index].unflatten(0, lower.shape)[:, k], backward.tables.relaxation(index)
                above = lines.upper_slope * operand + lines.upper_intercept
                below = lines.lower_slope * operand + (0 if lines.lower_intercept is None else lines.lower_intercept)
                values.append(torch.where(upper, above, below))
            else:
                values.append(node.op(operand))
        torch.testing.assert_close(spec.value(values[-1])[:, k], lower[:, k], rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", mostly_later(range(30), 6))
def test_no_distance_means_no_gap_and_neither_is_negative(seed):
    graph, x, y = network("dense", seed), images(B, seed), labels(B, seed)
    for eps in (1e-4, 0.02, 0.1):
        for position in range(B):
            one = slice(position, position + 1)
            found = value(graph, x[one], y[one], LinfBall(eps)).parts
            assert found["gap"] >= -1e-12
            assert found["distance"] >= 0
            if found["distance"] == 0:
                assert found["gap"] <= 1e-9


def test_a_linear_network_has_neither():
    module = nn.Sequential(nn.Flatten(), nn.Linear(16, 4)).double()
    found = value(capture(module, images(2, 0)), images(B, 0), labels(B, 0), LinfBall(0.1)).parts
    assert abs(found["gap"]) <= 1e-12
    assert found["distance"] == 0


@pytest.mark.parametrize("intermediate", [FAST_LIN, Interval()], ids=["exact rows", "intervals"])
def test_without_weights_it_is_plain_certified_training(intermediate):
    graph, x, y = network("convolutional", 3), images(B, 3), labels(B, 3)
    graph.module.train()
    try:
        results = []
        for objective in (
            Tightened(intermediate, CrossEntropy(), Constant(0.3), Constant(0.0), Constant(0.0)),
            Certified(BackwardLinear(intermediate, Parallel()), CrossEntropy(), Constant(0.3)),
        ):
            noise = Noise.of(0, torch.arange(B))
            found = objective(graph, x, y, LinfBall(0.05), progress=Progress(0, 1, 1), noise=noise)
            results.append([found.loss, *torch.autograd.grad(found.loss, list(graph.module.parameters()))])
    finally:
        graph.module.eval()
    for one, two in zip(*results, strict=True):
        torch.testing.assert_close(one, two, rtol=0, atol=1e-12)


def test_detached_bounds_get_no_gradient_from_the_distance():
    graph, x, y = network("dense", 1), images(B, 1), labels(B, 1)
    gradients = []
    for detach in (False, True):
        part = value(graph, x, y, LinfBall(0.1), gap=0.0, detach_bounds=detach).parts["distance"]
        gradients.append(torch.autograd.grad(part, graph.module[1].weight)[0])
    assert not torch.allclose(*gradients)


def test_other_activations_have_a_gap_but_no_distance():
    module = nn.Sequential(nn.Flatten(), nn.Linear(16, 5), nn.Tanh(), nn.Linear(5, 4)).double()
    graph = capture(module, images(2, 0))
    x, y = images(B, 0), labels(B, 0)
    assert value(graph, x, y, LinfBall(0.1), distance=0.0).parts["gap"] >= 0
    with pytest.raises(UnsupportedOpError, match=r"defined for ReLUs, but .* is a Tanh; use the gap"):
        value(graph, x, y, LinfBall(0.1))


def test_a_crown_ibp_training_may_end_as_one_by_intervals():
    graph, x, y = network("convolutional", 2), images(B, 2), labels(B, 2)
    plain = Certified(Interval(), CrossEntropy(), Constant(0.0))
    interval = plain(graph, x, y, LinfBall(0.05), progress=Progress(0, 1, 1), noise=Noise.of(0, torch.arange(B)))
    arguments = {"intermediate": Interval(), "slopes": Adaptive(), "distance": 0.0}
    ended = value(graph, x, y, LinfBall(0.05), gap=0.0, crown_weight=Constant(0.0), **arguments)
    assert torch.equal(ended.loss, interval.loss)
    begun = value(graph, x, y, LinfBall(0.05), **arguments)
    half = value(graph, x, y, LinfBall(0.05), crown_weight=Constant(0.5), **arguments)
    torch.testing.assert_close(half.parts["gap"], begun.parts["gap"])
    assert begun.parts["robust"] < half.parts["robust"] < interval.parts["robust"]
