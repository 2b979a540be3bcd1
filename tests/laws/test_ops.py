"""What every operator obeys; every registered torch operator needs a network here that holds it."""

import itertools
import zlib

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hauberk.capture import capture, exported
from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.lowering import RULES
from hauberk.concepts.op import Affine, Elementwise
from laws.instances import concrete
from laws.networks import randomize

aten = torch.ops.aten
DTYPE = torch.float64
SHAPE = (4, 5, 6)


class Function(nn.Module):
    """A function of the input and of a few constants."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        self.anchor = nn.Parameter(torch.zeros(1))
        self.register_buffer("channels", torch.linspace(-1, 2, 4)[:, None, None])
        self.register_buffer("number", torch.tensor(0.7))
        self.weight = nn.Parameter(torch.linspace(-2, 1, 120).view(1, 4, 5, 6))

    def forward(self, x):
        return self.function(x, self).flatten(1)


def layer(module):
    return nn.Sequential(module, nn.Flatten())


FUNCTIONS = {
    "add value": lambda x, m: x + F.relu(x),
    "add scaled value": lambda x, m: torch.add(x, F.relu(x), alpha=-3),
    "add itself": lambda x, m: x + x,
    "add number": lambda x, m: 1.5 + (x + 2),
    "add constant": lambda x, m: m.channels + (x + m.number),
    "add scaled constant": lambda x, m: torch.add(m.weight, x, alpha=2) + torch.add(x, m.channels, alpha=-0.5),
    "subtract value": lambda x, m: x - F.relu(x),
    "subtract scaled value": lambda x, m: torch.sub(x, F.relu(x), alpha=0.3),
    "subtract constant": lambda x, m: (x - m.channels) - 3,
    "subtract from constant": lambda x, m: m.channels - x,
    "subtract from number": lambda x, m: 2 - x,
    "subtract reversed": lambda x, m: torch.rsub(x, m.weight, alpha=2),
    "multiply": lambda x, m: 3 * (m.channels * (x * m.weight)) * -0.5,
    "divide": lambda x, m: (x / 0.3) / m.weight / -2,
    "scalar overloads": lambda x, m: aten.div.Scalar(aten.mul.Scalar(aten.sub.Scalar(aten.add.Scalar(x, 1), 3), 2), 7),
    "negate": lambda x, m: -x,
    "relu": lambda x, m: F.relu(x - 0.5),
    "relu in place": lambda x, m: F.relu(x - 0.5, inplace=True),
    "reshape": lambda x, m: x.reshape(-1, 20, 6).reshape(x.shape[0], 5, 24),
    "view": lambda x, m: x.view(x.shape[0], 120),
    "unsafe view": lambda x, m: aten._unsafe_view(x, [x.shape[0], 120]),
    "flatten some": lambda x, m: x.flatten(2),
    "unflatten": lambda x, m: x.unflatten(1, (2, 2)),
    "squeeze and unsqueeze": lambda x, m: x.unsqueeze(2).squeeze(2).unsqueeze(-1).squeeze((2, -1)),
    "permute": lambda x, m: x.permute(0, 3, 1, 2),
    "permute from behind": lambda x, m: x.permute(0, -1, -3, -2),
    "transpose": lambda x, m: x.transpose(1, -1),
    "contiguous": lambda x, m: x.transpose(1, 2).contiguous().view(-1, 120),
    "clone, alias, detach": lambda x, m: aten.alias(x.clone()).detach() * 2,
    "pool": lambda x, m: F.avg_pool2d(x, 2),
}
POOLINGS = [
    {"kernel_size": (2, 3), "stride": (1, 2)},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False},
    {"kernel_size": 2, "stride": 4, "ceil_mode": True},
    {"kernel_size": 3, "stride": 2, "ceil_mode": True, "padding": 1, "count_include_pad": False},
    {"kernel_size": (3, 2), "divisor_override": 5},
]
MODULES = {
    "linear": nn.Sequential(nn.Flatten(), nn.Linear(120, 7)),
    "linear without bias": nn.Sequential(nn.Flatten(), nn.Linear(120, 7, bias=False)),
    "linear on the last dimension": layer(nn.Linear(6, 3)),
    "batch norm 2d": layer(nn.BatchNorm2d(4)),
    "batch norm 1d": nn.Sequential(nn.Flatten(), nn.BatchNorm1d(120)),
    "batch norm of sequences": nn.Sequential(nn.Flatten(2), nn.BatchNorm1d(4), nn.Flatten()),
    "batch norm without weights": layer(nn.BatchNorm2d(4, affine=False)),
    "dropout": layer(nn.Dropout(0.4)),
    "dropout of channels": layer(nn.Dropout2d(0.4)),
    "same padding": layer(nn.Conv2d(4, 2, (3, 5), padding="same", dilation=(2, 1))),
    "valid padding": layer(nn.Conv2d(4, 2, 3, padding="valid", stride=2)),
} | {f"pool {options}": layer(nn.AvgPool2d(**options)) for options in POOLINGS}
CONVOLUTIONS = list(itertools.product([1, 2, (3, 2)], [0, 1, (2, 0)], [1, (1, 2), 2], [1, 2, 4]))
CASES = {name: Function(function) for name, function in FUNCTIONS.items()} | MODULES


def built(name, module) -> tuple[nn.Module, FrozenGraph, torch.Tensor]:
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    module.to(DTYPE)
    if not isinstance(module, Function):
        randomize(module, generator)
    x = torch.randn(3, *SHAPE, dtype=DTYPE, generator=generator)
    return module.eval(), capture(module, x).frozen(), x


@pytest.fixture(scope="module", params=CASES)
def case(request):
    return built(request.param, CASES[request.param])


def boxes_of_operands(graph, x, node, width=0.3):
    values = graph.values(x)
    generator = torch.Generator().manual_seed(5)
    for i in node.inputs:
        below, above = torch.rand(2, *values[i].shape, generator=generator, dtype=DTYPE) * width
        yield Box(values[i] - below, values[i] + above)


def within(box, seed):
    share = torch.rand(box.lower.shape, generator=torch.Generator().manual_seed(seed), dtype=DTYPE)
    share = share.round() if seed % 2 else share
    return torch.lerp(box.lower, box.upper, share)


def require_interval(graph, x):
    for node in graph.nodes:
        boxes = list(boxes_of_operands(graph, x, node))
        image = node.op.interval(*boxes)
        for seed in range(6):
            value = node.op(*(within(box, seed) for box in boxes))
            assert (value >= image.lower - 1e-12).all()
            assert (value <= image.upper + 1e-12).all()


def require_affine_facts(graph):
    for node in graph.nodes:
        if not isinstance(node.op, Affine):
            continue
        shapes = [graph.shapes[i] for i in node.inputs]
        generator = torch.Generator().manual_seed(6)
        z = tuple(torch.randn(1, *shape, dtype=DTYPE, generator=generator) for shape in shapes)
        value = node.op(*z)
        jacobians = torch.autograd.functional.jacobian(node.op, z)
        matrices = [j.reshape(value.numel(), -1) for j in jacobians]
        offset = node.op.offset(shapes, value)
        linear = sum(j @ one.flatten() for j, one in zip(matrices, z, strict=True))
        torch.testing.assert_close(value.flatten(), linear + offset.flatten(), rtol=0, atol=1e-10)
        absolute = sum(j.abs() @ one.flatten() for j, one in zip(matrices, z, strict=True))
        torch.testing.assert_close(node.op.absolute(*z).flatten(), absolute, rtol=0, atol=1e-10)
        rows = torch.randn(4, *value.shape[1:], dtype=DTYPE, generator=generator)
        pulled = node.op.pull_back(rows, shapes)
        assert [p.shape[1:] for p in pulled] == [z_.shape[1:] for z_ in z]
        for p, j in zip(pulled, matrices, strict=True):
            torch.testing.assert_close(p.flatten(1), rows.flatten(1) @ j, rtol=0, atol=1e-10)
        terms = sum(int((j != 0).sum(1).max()) for j in matrices) + max(int((j != 0).sum(0).max()) for j in matrices)
        assert node.op.roundings + 8 >= terms


def test_the_graph_computes_the_function_for_every_batch_size(case):
    module, graph, x = case
    for batch in (x, x[:1], torch.cat([x, 2 - x])):
        torch.testing.assert_close(graph(batch), module(batch), rtol=0, atol=1e-12)


def test_the_interval_holds_the_images_of_sampled_points(case):
    require_interval(*case[1:])


def test_affine_facts_are_those_of_the_exact_jacobian(case):
    require_affine_facts(case[1])


@pytest.mark.parametrize("setting", CONVOLUTIONS, ids=str)
def test_convolutions_of_every_kind(setting):
    stride, padding, dilation, groups = setting
    convolution = nn.Conv2d(4, 4, (2, 3), stride, padding, dilation, groups, bias=groups == 1)
    module, graph, x = built(str(setting), layer(convolution))
    torch.testing.assert_close(graph(x), module(x), rtol=0, atol=1e-12)
    require_interval(graph, x)
    require_affine_facts(graph)


def test_every_registered_operator_has_a_case():
    met = set()
    for module in CASES.values():
        program = exported(module.to(DTYPE).eval(), torch.rand(2, *SHAPE, dtype=DTYPE))
        met |= {node.target for node in program.graph.nodes if node.op == "call_function"}
    convolution = exported(layer(nn.Conv2d(4, 4, 3)), torch.rand(2, *SHAPE))
    met |= {node.target for node in convolution.graph.nodes if node.op == "call_function"}
    assert {str(operator) for operator in RULES if operator not in met} == set()


def difficult_boxes(count=400):
    """Random boxes; some lie on one side of zero, touch it, hold one point, or are very thin or wide."""
    generator = torch.Generator().manual_seed(1)
    ends = torch.randn(2, count, generator=generator, dtype=DTYPE).sort(0).values
    lower, upper = ends[0].clone(), ends[1].clone()
    lower[:40], upper[40:80] = 0, 0
    upper[:40], lower[40:80] = upper[:40].abs(), lower[40:80].abs().neg()
    upper[80:120] = lower[80:120]
    lower[120], upper[120] = 0, 0
    lower[130:160], upper[130:160] = -1e-12, 1e-12
    lower[160:190] *= 1e6
    upper[160:190] = upper[160:190].abs() * 1e-6
    lower, upper = torch.minimum(lower, upper), torch.maximum(lower, upper)
    return Box(lower[None], upper[None])


def require_relaxation(op, box, lines):
    share = torch.linspace(0, 1, 201, dtype=DTYPE)[:, None]
    z = torch.lerp(box.lower, box.upper, share)
    exact = op(z)
    scale = 1e-12 * (1 + box.magnitude)
    below = lines.lower_slope * z + (0 if lines.lower_intercept is None else lines.lower_intercept)
    assert (below <= exact + scale).all()
    assert (lines.upper_slope * z + lines.upper_intercept >= exact - scale).all()


ELEMENTWISE = pytest.mark.parametrize("op", [cls() for cls in concrete(Elementwise)], ids=lambda op: type(op).__name__)


@ELEMENTWISE
def test_the_interval_of_an_elementwise_op_is_sound_and_attained(op):
    box = difficult_boxes()
    z = torch.lerp(box.lower, box.upper, torch.linspace(0, 1, 2001, dtype=DTYPE)[:, None])
    image = op.interval(box)
    assert (op(z) >= image.lower - 1e-12).all()
    assert (op(z) <= image.upper + 1e-12).all()
    torch.testing.assert_close(op(z).amin(0, keepdim=True), image.lower, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(op(z).amax(0, keepdim=True), image.upper, rtol=1e-3, atol=1e-3)


@ELEMENTWISE
def test_the_adaptive_relaxation_is_sound(op):
    box = difficult_boxes()
    require_relaxation(op, box, op.relax(box))


@ELEMENTWISE
def test_every_choice_of_relaxation_is_sound(op):
    box = difficult_boxes()
    generator = torch.Generator().manual_seed(2)
    for choice in (0.0, 1.0, None, None, None):
        drawn = torch.rand(box.lower.shape, generator=generator, dtype=DTYPE)
        require_relaxation(op, box, op.relax(box, drawn if choice is None else torch.full_like(drawn, choice)))


@ELEMENTWISE
def test_the_parallel_relaxation_is_sound_and_parallel(op):
    box = difficult_boxes()
    lines = op.relax_parallel(box)
    assert torch.equal(lines.lower_slope, lines.upper_slope)
    require_relaxation(op, box, lines)


@ELEMENTWISE
def test_relaxations_of_single_points_have_finite_gradients(op):
    for relax in (op.relax, op.relax_parallel):
        box = difficult_boxes()
        lower, upper = box.lower.requires_grad_(), box.upper.requires_grad_()
        lines = relax(Box(lower, upper))
        (lines.lower_slope + lines.upper_slope + lines.upper_intercept).sum().backward()
        for gradient in (lower.grad, upper.grad):
            assert gradient is None or gradient.isfinite().all()
