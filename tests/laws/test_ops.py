"""What every operator obeys; every registered torch operator needs a network here that holds it."""

import itertools
import zlib

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from hauberk.capture import capture, exported
from hauberk.concepts import lowering
from hauberk.concepts.affine import Affine
from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.op import Elementwise, Relaxable
from hauberk.concepts.rounding import rounding_factor
from hauberk.concepts.rows import Rows
from hauberk.functions.smooth import Smooth
from laws.instances import instances, label, load
from laws.lines import (
    difficult_boxes,
    extreme_boxes,
    facts,
    heights,
    inside,
    minimum,
    moderate_boxes,
    points,
    require_relaxation,
)
from laws.networks import randomize
from longer import mostly_later

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
        self.token = nn.Parameter(torch.linspace(-1, 2, 60).view(1, 2, 5, 6))
        self.plane = nn.Parameter(torch.linspace(-3, 3, 30).view(1, 5, 6))
        self.right = nn.Parameter(torch.linspace(-1, 1, 18).view(6, 3))
        self.left = nn.Parameter(torch.linspace(-2, 1, 35).view(7, 5))
        self.rights = nn.Parameter(torch.linspace(-1, 1, 72).view(1, 4, 6, 3))
        self.vector = nn.Parameter(torch.linspace(-1, 1, 6))
        self.bias = nn.Parameter(torch.tensor([1.0, -2.0, 3.0]))

    def forward(self, x):
        return self.function(x, self).flatten(1)


def shared(constant, x):
    return constant.expand(x.shape[0], -1, -1, -1)


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
    "leaky relu": lambda x, m: F.leaky_relu(F.leaky_relu(x - 0.5, 1.6), 0.2, inplace=True),
    "absolute value": lambda x, m: torch.absolute((x - 0.5).abs() - 1) + (x + 1).abs_(),
    "hardtanh": lambda x, m: (
        F.hardtanh(F.relu6(x + 3) - 3, -0.6, 0.7, inplace=True) + F.relu6(9 * x, inplace=True) + F.hardtanh(x)
    ),
    "clamp": lambda x, m: torch.clip((3 * x).clamp(-2, 2.5).clamp(max=2).clamp(min=-1), -0.9, 1.9),
    "clamp on one side": lambda x, m: (x + 0.1).clamp_min(-1).clamp_max(1).clamp_(None, 0.9),
    "hard sigmoid": lambda x, m: F.hardsigmoid(4 * x) - F.hardsigmoid(x - 2, inplace=True),
    "sigmoid": lambda x, m: torch.special.expit((3 * x).sigmoid()) + (-x).sigmoid_(),
    "tanh": lambda x, m: (3 * (2 * x).tanh()).tanh_(),
    "softplus": lambda x, m: F.softplus(3 * x) + F.softplus(x, 5.0, 4.0),
    "gelu": lambda x, m: F.gelu(3 * x) - F.gelu(2 * x, approximate="tanh"),
    "silu": lambda x, m: F.silu(3 * x) - F.silu(x + 0.1, inplace=True),
    "elu": lambda x, m: F.elu(3 * x) + F.elu(x - 0.1, inplace=True) - F.celu(F.celu(x + 0.1, 2.0), 0.4, inplace=True),
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
    "concatenate": lambda x, m: torch.cat([x, F.relu(x), x[:, :, :1]], 2),
    "concatenate from behind": lambda x, m: torch.cat([x, -x], -3),
    "concatenate constants": lambda x, m: torch.cat([shared(m.token, x), x, shared(m.token, x)], 1),
    "concatenate a constant without batch": lambda x, m: torch.cat([x, shared(m.plane, x)], 1),
    "concatenate zeros": lambda x, m: torch.cat([x, torch.zeros_like(x), x.new_zeros(x.shape[0], 1, 5, 6)], 1),
    "concatenate other zeros": lambda x, m: torch.cat([torch.zeros(x.shape[0], 4, 5, 1, dtype=x.dtype), x], -1),
    "stack": lambda x, m: torch.stack([x, F.relu(x)], 1) + torch.stack([x, -x], -4),
    "slice": lambda x, m: x[:, 1:3, ::2, -2:],
    "slice everything": lambda x, m: x[:, :, 0:] * 2,
    "select": lambda x, m: x[:, -1, :, 2],
    "narrow": lambda x, m: x.narrow(2, 1, 3),
    "expand": lambda x, m: x[:, :1].expand(-1, 3, -1, -1) + x[:, 1:2].expand(x.shape[0], 3, 5, 6),
    "add a constant of the batch": lambda x, m: x[:, :2] + shared(m.token, x),
    "expand as": lambda x, m: x[:, :1].expand_as(x),
    "repeat": lambda x, m: x[:, :2, :2].repeat(1, 2, 1, 3).tile((2, 1)),
    "repeat elements": lambda x, m: x.repeat_interleave(3, 2),
    "enlarge": lambda x, m: F.interpolate(x, scale_factor=2),
    "resize": lambda x, m: F.interpolate(x, size=(3, 8)),
    "enlarge lines": lambda x, m: F.interpolate(x[:, 0], scale_factor=2),
    "enlarge volumes": lambda x, m: F.interpolate(x.unsqueeze(1), scale_factor=(2, 1, 1)),
    "shuffle": lambda x, m: F.channel_shuffle(F.pixel_unshuffle(F.pixel_shuffle(x, 2)[:, :, :, :4], 2), 2),
    "flip, move, transpose": lambda x, m: x.flip(1, -1).movedim(1, -1).mT,
    "turn": lambda x, m: x.fliplr().rot90(1, (2, 3)).roll((1, -2), (1, 3)).rot90(-1, (2, 3)) + x.roll(-1, -1),
    "move axes": lambda x, m: (
        x.movedim((1, 2), (2, 3)).moveaxis((2, 1), (3, 2)).moveaxis(1, 2).swapaxes(1, 3).swapdims(1, 2).adjoint()
    ),
    "like another": lambda x, m: torch.atleast_3d(x.flatten(1).reshape_as(x).flatten(1).view_as(x).flatten(2)),
    "squeeze everything": lambda x, m: x[:, :1].squeeze() + x[:, 1:2].broadcast_to(x.shape)[:, 0],
    "windows of a line": lambda x, m: x.unfold(3, 3, 2).flatten(3) + x.diagonal(0, 2, 3)[..., None, None].flatten(3),
    "enlarge by exact positions": lambda x, m: F.interpolate(x, scale_factor=1.5, mode="nearest-exact"),
    "enlarge lines by exact positions": lambda x, m: F.interpolate(x[:, 0], size=11, mode="nearest-exact"),
    "enlarge volumes by exact positions": lambda x, m: F.interpolate(x[:, None], size=(3, 6, 7), mode="nearest-exact"),
    "synonyms": lambda x, m: (
        torch.subtract(aten.multiply.Scalar(aten.subtract.Scalar(torch.negative(x), 1), 3), m.channels)
        + torch.divide(torch.true_divide(torch.multiply(x, m.channels), 0.5), m.number)
        + aten.to.other(x, m.weight)
    ),
    "pad": lambda x, m: F.pad(x, (1, 0, -1, 2), value=0.7),
    "pad channels": lambda x, m: F.pad(x, (0, 0, 0, 0, 2, 1)),
    "pad n dimensions": lambda x, m: aten.constant_pad_nd(x, [1, 2]) + aten.constant_pad_nd(x, [2, 1], -3.5),
    "reflect": lambda x, m: F.pad(x, (3, 1, 0, 4), mode="reflect"),
    "repeat the border": lambda x, m: F.pad(x, (2, 3, 1, 0), mode="replicate"),
    "wrap around": lambda x, m: F.pad(x[:, :2], (6, 3, 1, 5), mode="circular"),
    "wrap lines around": lambda x, m: F.pad(x[:, 0], (3, 3), mode="circular"),
    "matrix on the right": lambda x, m: x @ m.right,
    "matrix on the left": lambda x, m: m.left @ x,
    "a matrix for every channel": lambda x, m: x @ m.rights,
    "matrices that enlarge": lambda x, m: x[:, :1] @ m.rights,
    "vector on the right": lambda x, m: x @ m.vector,
    "vector on the left": lambda x, m: m.vector @ x.mT,
    "matrix of a batch": lambda x, m: torch.mm(x[:, 0, 0], m.right),
    "matrices of a batch": lambda x, m: torch.bmm(x[:, 0], m.right.expand(x.shape[0], -1, -1)),
    "matrix and bias": lambda x, m: torch.addmm(m.bias, x[:, 0, 0], m.right),
    "adaptive pool": lambda x, m: F.adaptive_avg_pool2d(x, (3, 4)),
    "adaptive pool that enlarges": lambda x, m: F.adaptive_avg_pool2d(x, (7, 2)),
    "global pool": lambda x, m: F.adaptive_avg_pool2d(x, 1),
    "adaptive pool of lines": lambda x, m: F.adaptive_avg_pool1d(x[:, 0], 4),
    "adaptive pool of volumes": lambda x, m: F.adaptive_avg_pool3d(x.unsqueeze(1), (3, 2, 6)),
    "mean": lambda x, m: x.mean((2, -1)) - x.mean(1, keepdim=True).flatten(1)[:, :4],
    "sum": lambda x, m: x.sum((3, 1)) + x.sum(-1, keepdim=True)[:, 0, :, 0],
    "max pool": lambda x, m: F.max_pool2d(x, (2, 3), (1, 2)),
    "max pool of lines": lambda x, m: F.max_pool1d(x[:, 0], 3, padding=1),
    "max pool of volumes": lambda x, m: F.max_pool3d(x.unsqueeze(1), 2, stride=1),
}
POOLINGS = [
    {"kernel_size": (2, 3), "stride": (1, 2)},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": 3, "stride": 2, "padding": 1, "count_include_pad": False},
    {"kernel_size": 2, "stride": 4, "ceil_mode": True},
    {"kernel_size": 3, "stride": 2, "ceil_mode": True, "padding": 1, "count_include_pad": False},
    {"kernel_size": (3, 2), "divisor_override": 5},
    {"kernel_size": 2, "divisor_override": -1},
]
MAX_POOLINGS = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": (3, 2), "stride": 1, "padding": (1, 0), "dilation": (1, 2)},
    {"kernel_size": 2, "stride": 4, "ceil_mode": True},
    {"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2, "ceil_mode": True},
]
TRANSPOSED = [
    {"kernel_size": 3, "bias": False},
    {"kernel_size": (2, 3), "stride": 2, "padding": 1, "output_padding": 1},
    {"kernel_size": 2, "stride": (1, 3), "groups": 2},
    {"kernel_size": 2, "stride": 1, "dilation": 3, "output_padding": 2, "groups": 4},
    {"kernel_size": 3, "stride": 2, "padding": (0, 3), "dilation": (1, 2)},
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
    "convolution of lines": layer(nn.Sequential(nn.Flatten(2), nn.Conv1d(4, 6, 4, 3, 2, 2, groups=2))),
    "circular convolution of lines": layer(
        nn.Sequential(nn.Flatten(2), nn.Conv1d(4, 2, 3, padding=1, padding_mode="circular"))
    ),
    "convolution of volumes": layer(nn.Sequential(nn.Unflatten(1, (2, 2)), nn.Conv3d(2, 3, (1, 3, 2), 2, (0, 1, 1)))),
    "same padding of lines": layer(nn.Sequential(nn.Flatten(2), nn.Conv1d(4, 2, 5, padding="same", bias=False))),
    "same padding of volumes": layer(nn.Sequential(nn.Unflatten(1, (2, 2)), nn.Conv3d(2, 3, 3, padding="same"))),
    "pool lines": layer(nn.Sequential(nn.Flatten(2), nn.AvgPool1d(4, 3, 1, ceil_mode=True))),
    "pool volumes": layer(
        nn.Sequential(nn.Unflatten(1, (2, 2)), nn.AvgPool3d((2, 3, 2), 1, (0, 1, 1), divisor_override=5))
    ),
    "transposed convolution of lines": layer(nn.Sequential(nn.Flatten(2), nn.ConvTranspose1d(4, 2, 3, 2))),
    "transposed convolution of volumes": layer(nn.Sequential(nn.Unflatten(1, (2, 2)), nn.ConvTranspose3d(2, 3, 2))),
}
MODULES |= {f"pool {options}": layer(nn.AvgPool2d(**options)) for options in POOLINGS}
MODULES |= {f"max pool {options}": layer(nn.MaxPool2d(**options)) for options in MAX_POOLINGS}
MODULES |= {f"transposed {options}": layer(nn.ConvTranspose2d(4, 4, **options)) for options in TRANSPOSED}
CONVOLUTIONS = list(itertools.product([1, 2, (3, 2)], [0, 1, (2, 0)], [1, (1, 2), 2], [1, 2, 4]))
load()
STATED = {str(operator): Function(lambda x, m, case=case: case(x)) for operator, case in lowering.CASES.items()}
CASES = {name: Function(function) for name, function in FUNCTIONS.items()} | MODULES | STATED


def built(name, module) -> tuple[nn.Module, FrozenGraph, torch.Tensor]:
    generator = torch.Generator().manual_seed(zlib.crc32(name.encode()))
    module.to(DTYPE)
    if not isinstance(module, Function):
        randomize(module, generator)
    x = torch.randn(3, *SHAPE, dtype=DTYPE, generator=generator)
    return module.eval(), capture(module, x).frozen(), x


@pytest.fixture(scope="module", params=mostly_later(CASES, 2))
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
        boxes = [inside(node.op, box) for box in boxes_of_operands(graph, x, node)]
        image = node.op.interval(*boxes)
        for seed in range(6):
            value = node.op(*(within(box, seed) for box in boxes))
            slack = 1e-12 * (1 + value.abs())
            assert (value >= image.lower - slack).all()
            assert (value <= image.upper + slack).all()


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
        torch.testing.assert_close(value.flatten(), linear + offset.expand_as(value).flatten(), rtol=0, atol=1e-10)
        absolute = sum(j.abs() @ one.flatten() for j, one in zip(matrices, z, strict=True))
        torch.testing.assert_close(node.op.absolute(*z).flatten(), absolute, rtol=0, atol=1e-10)
        sizes = [one.abs().sum((*range(1, one.ndim),)) + 1 for one in z]
        carried = node.op.carried([one.abs() for one in z], [one.abs() for one in z], sizes)
        assert (carried >= node.op.absolute(*(one.abs() for one in z))).all()
        assert (node.op.terms(*(one.abs() for one in z)) >= value.abs() - 1e-10).all()
        rows = torch.randn(4, *value.shape[1:], dtype=DTYPE, generator=generator)
        pulled = node.op.pull_back(rows, shapes)
        assert [p.shape[1:] for p in pulled] == [z_.shape[1:] for z_ in z]
        for p, j in zip(pulled, matrices, strict=True):
            torch.testing.assert_close(p.flatten(1), rows.flatten(1) @ j, rtol=0, atol=1e-10)
        # A copy is exact; a sum of n terms rounds each of them n times at most.
        read = torch.cat(matrices, 1) != 0
        assert node.op.roundings + 1 >= read.sum(1).max()
        assert node.op.roundings_back + 1 >= read.sum(0).max()


def require_gradients(module, graph):
    """<pulled, z> = <rows, f(z) - f(0)>, and so are its gradients in the rows and in the module's parameters."""
    for node in graph.nodes:
        if not isinstance(node.op, Affine):
            continue
        shapes = [graph.shapes[i] for i in node.inputs]
        generator = torch.Generator().manual_seed(7)
        z = [torch.randn(2, *shape, dtype=DTYPE, generator=generator) for shape in shapes]
        exact = node.op(*z) - node.op(*(torch.zeros_like(one) for one in z))
        rows = torch.randn(exact.shape, dtype=DTYPE, generator=generator)
        for differentiable in (False, True):
            rows = rows.detach().requires_grad_(differentiable)
            sums = [sum((p * one).sum() for p, one in zip(node.op.pull_back(rows, shapes), z, strict=True))]
            sums += [(rows * exact).sum()]
            variables = [*module.parameters(), *([rows] if differentiable else [])]
            pulled, direct = (gradients(total, variables) for total in sums)
            for one, other in zip(pulled, direct, strict=True):
                torch.testing.assert_close(one, other, rtol=0, atol=1e-10)


def gradients(total, variables):
    """Return the gradients, zero where the total does not depend on the variable."""
    if not total.requires_grad:
        return [torch.zeros_like(variable) for variable in variables]
    return torch.autograd.grad(total, variables, retain_graph=True, materialize_grads=True)


def test_the_graph_computes_the_function_for_every_batch_size(case):
    module, graph, x = case
    for batch in (x, x[:1], torch.cat([x, 2 - x])):
        torch.testing.assert_close(graph(batch), module(batch), rtol=0, atol=1e-12)


def test_the_interval_holds_the_images_of_sampled_points(case):
    require_interval(*case[1:])


def heights_of_planes(lines, out, z):
    """Return the values of both lines of every element, read off rows that select them."""
    b, m = len(out), out[0].numel()
    units = torch.eye(m, dtype=DTYPE).view(1, m, *out.shape[1:]).expand(b, *(-1,) * out.ndim)
    for sign in (1, -1):
        pulled, constants = lines.pull_back(Rows.uniform(sign * units), None)
        each = pulled.values.flatten(1).unflatten(0, (b, m)) @ z.flatten(1)[:, :, None]
        yield sign * (each.squeeze(2) + constants[:, 0].view(b, m)).view(out.shape)


def test_lines_in_other_elements_hold_at_sampled_points(case):
    for node in case[1].nodes:
        if not isinstance(node.op, Relaxable) or isinstance(node.op, Elementwise):
            continue
        for width in (0.3, 5.0):
            (box,) = boxes_of_operands(case[1], case[2], node, width)
            choice = torch.rand(node.op(box.lower).shape, generator=torch.Generator().manual_seed(0), dtype=DTYPE)
            for lines in (node.op.relax(box), node.op.relax(box, choice), node.op.relax_parallel(box)):
                for seed in range(8):
                    z = within(box, seed)
                    value = node.op(z)
                    below, above = heights_of_planes(lines, value, z)
                    slack = 1e-12 * (1 + lines.magnitude(box.magnitude))
                    assert (below <= value + slack).all()
                    assert (above >= value - slack).all()
                    pushed = lines.push(z.unsqueeze(1)).squeeze(1) + lines.upper_intercept
                    torch.testing.assert_close(pushed, above, rtol=1e-9, atol=1e-9)
                    assert (lines.absolute(z.abs()) + 1e-9 >= (above - lines.upper_intercept).abs()).all()


def test_affine_facts_are_those_of_the_exact_jacobian(case):
    require_affine_facts(case[1])


def test_pulled_rows_have_the_gradients_of_the_exact_map(case):
    require_gradients(case[0], case[1])


@pytest.mark.parametrize("setting", CONVOLUTIONS, ids=str)
def test_convolutions_of_every_kind(setting):
    stride, padding, dilation, groups = setting
    convolution = nn.Conv2d(4, 4, (2, 3), stride, padding, dilation, groups, bias=groups == 1)
    module, graph, x = built(str(setting), layer(convolution))
    torch.testing.assert_close(graph(x), module(x), rtol=0, atol=1e-12)
    require_interval(graph, x)
    require_affine_facts(graph)


@pytest.mark.parametrize("setting", CONVOLUTIONS, ids=str)
def test_convolutions_of_many_channels(setting):
    stride, padding, dilation, groups = setting
    convolution = nn.Conv2d(8, 8, (2, 3), stride, padding, dilation, groups)
    module, graph, _ = built(str(setting), layer(nn.Sequential(nn.Conv2d(4, 8, 1), convolution)))
    require_affine_facts(graph)
    require_gradients(module, graph)


class Together(nn.Module):
    """All cases as one network, which is exported sooner than one after the other."""

    def __init__(self):
        super().__init__()
        self.cases = nn.ModuleList([*CASES.values(), layer(nn.Conv2d(4, 4, 3))])

    def forward(self, x):
        return torch.cat([case(x) for case in self.cases], 1)


@pytest.mark.product
def test_every_registered_operator_has_a_case():
    """`@lowers(operator, case=...)` states one."""
    program = exported(Together().to(DTYPE).eval(), torch.rand(2, *SHAPE, dtype=DTYPE))
    met = {node.target for node in program.graph.nodes if node.op == "call_function"}
    assert {str(operator) for operator in lowering.RULES if operator not in met} == set()


TIGHT = pytest.mark.parametrize("op", [op for op in instances(Elementwise) if op.tight], ids=label)
ELEMENTWISE = pytest.mark.parametrize("op", instances(Elementwise), ids=label)
CHOICES = (None, 0.0, 0.3, 1.0)


def every_relaxation(op, box):
    """Yield the adaptive relaxation, those of some choices, and the parallel one."""
    for choice in CHOICES:
        yield op.relax(box, None if choice is None else torch.full_like(box.lower, choice))
    yield op.relax_parallel(box)


@ELEMENTWISE
def test_the_interval_of_an_elementwise_op_is_sound_and_attained(op):
    box = inside(op, difficult_boxes())
    values = op(points(box, 801))
    image = op.interval(box)
    assert (values >= image.lower - 1e-12).all()
    assert (values <= image.upper + 1e-12).all()
    if not op.tight:
        return
    torch.testing.assert_close(values.amin(0, keepdim=True), image.lower, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(values.amax(0, keepdim=True), image.upper, rtol=1e-3, atol=1e-3)


@ELEMENTWISE
def test_the_adaptive_relaxation_is_sound(op):
    box = inside(op, difficult_boxes())
    require_relaxation(op, box, op.relax(box))


@ELEMENTWISE
def test_every_choice_of_relaxation_is_sound(op):
    box = inside(op, difficult_boxes())
    generator = torch.Generator().manual_seed(2)
    for choice in (0.0, 1.0, None, None, None):
        drawn = torch.rand(box.lower.shape, generator=generator, dtype=DTYPE)
        require_relaxation(op, box, op.relax(box, drawn if choice is None else torch.full_like(drawn, choice)))


@ELEMENTWISE
def test_the_pieces_of_an_elementwise_op_are_its_slopes_and_all_of_them(op):
    if op.pieces is None:
        pytest.skip("not piecewise linear")
    knots = list(op.pieces.knots)
    assert knots == sorted(set(knots))
    between = [(a + b) / 2 for a, b in itertools.pairwise([knots[0] - 2, *knots, knots[-1] + 2])]
    z = torch.tensor(between, dtype=DTYPE, requires_grad=True)
    slopes = torch.autograd.grad(op(z[None]).sum(), z)[0].tolist()
    assert slopes == pytest.approx(list(op.pieces.slopes), rel=1e-6)  # torch rounds some to float32
    ends = torch.tensor([knots[0] - 2, *knots, knots[-1] + 2], dtype=DTYPE)
    share = torch.linspace(0, 1, 9, dtype=DTYPE)[:, None]
    straight = torch.lerp(op(ends[None, :-1]), op(ends[None, 1:]), share)
    torch.testing.assert_close(op(torch.lerp(ends[:-1], ends[1:], share)), straight, rtol=0, atol=1e-12)


@ELEMENTWISE
def test_the_parallel_relaxation_is_sound_and_parallel(op):
    box = inside(op, difficult_boxes())
    lines = op.relax_parallel(box)
    assert torch.equal(lines.lower_slope, lines.upper_slope)
    require_relaxation(op, box, lines)


@ELEMENTWISE
def test_float32_relaxations_and_intervals_hold_within_the_allowance_of_bound_methods(op):
    exact = inside(op, difficult_boxes())
    box = Box(exact.lower.float(), exact.upper.float())
    z = points(box, 101)
    image = op.interval(box)
    for values in (op(z).double(), op(z.double())):
        assert (values >= image.lower.double()).all()
        assert (values <= image.upper.double()).all()
        for lines in every_relaxation(op, box):
            allowance = 2 * rounding_factor(8, torch.float32) * lines.magnitude(box.magnitude).double()
            below, above = heights(lines, z.double())
            assert (below - allowance <= values).all()
            assert (above + allowance >= values).all()


@TIGHT
def test_each_line_touches_the_function(op):
    box = inside(op, moderate_boxes())
    z = points(box, 4001)
    for lines in every_relaxation(op, box):
        below, above = heights(lines, z)
        width = box.upper - box.lower
        assert ((op(z) - below).amin(0) <= 1e-6 * (1 + width)).all()
        assert ((above - op(z)).amin(0) <= 1e-6 * (1 + width)).all()


@TIGHT
def test_the_adaptive_lines_have_the_least_area(op):
    """The area above or below is that of the line's value at the middle of the box, which no other slope improves."""
    box = inside(op, moderate_boxes())
    z, middle = points(box, 801), box.center
    values = op(z)
    below, above = heights(op.relax(box), middle)
    low, high = torch.full_like(middle, -2), torch.full_like(middle, 2)
    least = minimum(lambda s: s * middle + (values - s * z).amax(0), low, high)
    greatest = -minimum(lambda s: -s * middle - (values - s * z).amin(0), low, high)
    assert (above - least <= 1e-4 * (1 + box.radius)).all()
    assert (greatest - below <= 1e-4 * (1 + box.radius)).all()


@TIGHT
def test_the_parallel_lines_are_as_close_as_parallel_lines_can_be(op):
    box = inside(op, moderate_boxes())
    z = points(box, 801)
    values = op(z)
    below, above = heights(op.relax_parallel(box), box.center)
    low, high = torch.full_like(box.lower, -2), torch.full_like(box.lower, 2)
    least = minimum(lambda s: (values - s * z).amax(0) - (values - s * z).amin(0), low, high)
    assert (above - below - least <= 2e-4 * (1 + box.radius)).all()


@ELEMENTWISE
def test_a_single_point_is_relaxed_exactly(op):
    z = points(inside(op, moderate_boxes()), 11).flatten()[None]
    box = Box(z, z.clone())
    image = op.interval(box)
    for lines in every_relaxation(op, box):
        for found in (*heights(lines, z), image.lower, image.upper):
            scale = 1 + lines.magnitude(z.abs())
            assert ((found - op(z)).abs() <= (1e-6 if kinks(op, z).any() else 1e-12) * scale).all()


def kinks(op, z):
    """Return where torch's softplus jumps."""
    return torch.as_tensor(op.departure(op.span(Box(z - 1e-3, z + 1e-3))) if isinstance(op, Smooth) else 0.0) > 0


@ELEMENTWISE
def test_relaxations_and_intervals_have_finite_gradients(op):
    for relax in (op.interval, op.relax, lambda box: op.relax(box, torch.full_like(box.lower, 0.3)), op.relax_parallel):
        for box in (inside(op, difficult_boxes()), inside(op, extreme_boxes())):
            lower, upper = box.lower.requires_grad_(), box.upper.requires_grad_()
            total = sum(fact.sum() for fact in facts(relax(Box(lower, upper))) if fact is not None)
            total.backward()
            for gradient in (lower.grad, upper.grad):
                assert gradient is None or gradient.isfinite().all()


@ELEMENTWISE
def test_gradients_of_relaxations_and_intervals_are_those_of_central_differences(op):
    box, h = inside(op, moderate_boxes(300), 0.2), 1e-6
    weights, direction = torch.randn(2, 4, *box.lower.shape, generator=torch.Generator().manual_seed(4), dtype=DTYPE)
    relaxations = [lambda b, c=c: op.relax(b, None if c is None else torch.full_like(b.lower, c)) for c in CHOICES]
    for relax in (op.interval, op.relax_parallel, *relaxations):

        def mixed(lower, upper, relax=relax):
            found = facts(relax(Box(lower, upper)))
            return sum(w * fact for w, fact in zip(weights, found, strict=False) if fact is not None)

        ends = box.lower.clone().requires_grad_(), box.upper.clone().requires_grad_()
        here = mixed(*ends)
        gradients = torch.autograd.grad(here.sum(), ends)
        slope = sum(g * d for g, d in zip(gradients, direction, strict=False))
        after, before = (mixed(box.lower + t * direction[0], box.upper + t * direction[1]) for t in (h, -h))
        sides = (after - here) / h, (here - before) / h
        same_case = (sides[0] - sides[1]).abs() < 1e-3 * (1 + sides[0].abs())
        assert same_case.double().mean() > 0.95
        torch.testing.assert_close(slope[same_case], ((after - before) / (2 * h))[same_case], rtol=1e-4, atol=5e-5)


@ELEMENTWISE
def test_a_box_of_nan_has_no_finite_relaxation(op):
    nan, one = torch.full((1, 1), torch.nan, dtype=DTYPE), torch.ones(1, 1, dtype=DTYPE)
    for box in (Box(nan, nan), Box(nan, one), Box(-one, nan)):
        for lines in every_relaxation(op, box):
            assert torch.stack([fact for fact in facts(lines) if fact is not None]).sum().isnan()


@ELEMENTWISE
def test_relaxations_never_wait_for_the_device(op):
    box = inside(op, difficult_boxes())
    list(every_relaxation(op, box))  # tables are computed once
    with Recorded() as recorded:
        list(every_relaxation(op, Box(box.lower, box.upper)))
        op.interval(Box(box.lower, box.upper))
    assert recorded.names
    assert not recorded.names & {"_local_scalar_dense", "nonzero", "masked_select", "index_put", "is_nonzero"}


class Recorded(TorchDispatchMode):
    """The names of the operators that run."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        self.names.add(str(function).split(".")[1])
        return function(*args, **(kwargs or {}))
