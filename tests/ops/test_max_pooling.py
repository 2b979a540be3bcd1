"""Max pooling: lines below and above every window, as close as single inputs allow."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hauberk.bounds import Interval
from hauberk.capture import capture
from hauberk.concepts.box import Box
from hauberk.concepts.rows import Rows
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import UnsupportedOpError
from hauberk.threats import LinfBall
from laws.networks import CLASSES, images, labels, network

DTYPE = torch.float64
SHAPE = (2, 5, 4)
OPTIONS = [
    {"kernel_size": 2},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": (3, 2), "stride": 1, "padding": (1, 0), "dilation": (1, 2)},
    {"kernel_size": 2, "stride": 3, "ceil_mode": True},
    {"kernel_size": 3, "stride": 2, "padding": 1, "dilation": 2, "ceil_mode": True},
    {"kernel_size": 1},
]
poolings = pytest.mark.parametrize("options", OPTIONS, ids=str)


def pooling(options, shape=SHAPE):
    module = nn.Sequential(nn.MaxPool2d(**options), nn.Flatten())
    return capture(module, torch.zeros(2, *shape, dtype=DTYPE)).frozen().nodes[0].op


def drawn(*size, seed=0):
    """Return numbers between 0 and 1."""
    return torch.rand(*size, generator=torch.Generator().manual_seed(seed), dtype=DTYPE)


def boxes(b=6, shape=SHAPE, seed=0):
    """Random boxes; some inputs are points, some have equal bounds, some windows are those of a ReLU."""
    lower, width = 2 * drawn(b, *shape, seed=seed) - 1, drawn(b, *shape, seed=seed + 1)
    width[0] *= 0.1
    width[1, :, ::2] = 0
    lower[2], width[2] = 0, width[2] * (width[2] > 0.5)
    lower[3], width[3] = -0.5, 1
    return Box(lower, lower + width)


def members(box, count=16):
    """Yield random points of the box, half of them corners."""
    for draw in range(count):
        share = drawn(*box.lower.shape, seed=draw).to(box.lower.dtype)
        yield torch.lerp(box.lower, box.upper, share if draw % 2 else share.round())


def lines(relaxation, z):
    """Return the values of the lower and the upper line of every window at z."""
    below = relaxation.lower_slope * relaxation.at(z, relaxation.lower_index) + relaxation.lower_intercept
    above = relaxation.upper_slope * relaxation.at(z, relaxation.upper_index) + relaxation.upper_intercept
    return below, above


def relaxations(op, box):
    """Yield the relaxations of the adaptive rule, of several choices, and with parallel lines."""
    out = op(box.lower).shape
    yield op.relax(box)
    for choice in (torch.zeros(out), torch.ones(out), drawn(*out), drawn(*out, seed=9)):
        yield op.relax(box, choice.to(DTYPE))
    yield op.relax_parallel(box)


@poolings
def test_every_relaxation_is_sound(options):
    op, box = pooling(options), boxes()
    points = [(z, op(z)) for z in members(box)]
    for relaxation in relaxations(op, box):
        for z, exact in points:
            below, above = lines(relaxation, z)
            assert (below <= exact + 1e-12).all()
            assert (above >= exact - 1e-12).all()


@poolings
def test_lines_are_exact_where_one_input_is_the_largest_for_sure(options):
    op = pooling(options)
    order = torch.randperm(20, generator=torch.Generator().manual_seed(3)).to(DTYPE).view(5, 4).expand(3, 2, 5, 4)
    box = Box(order - 0.5, order + 0.5)
    for relaxation in (op.relax(box), op.relax_parallel(box)):
        for z in members(box, count=8):
            for line in lines(relaxation, z):
                torch.testing.assert_close(line, op(z), rtol=0, atol=1e-12)


def alone(op, box, index, ends):
    """Return points where only the input at `index` of the first window is at its end, the others at theirs."""
    at_index = F.one_hot(index[:, :, 0, 0], box.lower[0, 0].numel()).bool().view(box.lower.shape)
    return torch.where(at_index, ends[0], ends[1])


@poolings
def test_lines_touch_the_maximum(options):
    op, box = pooling(options), boxes()
    relaxation = op.relax(box)
    index = relaxation.upper_index
    for ends in ((box.upper, box.lower), (box.lower, box.upper)):
        z = alone(op, box, index, ends)
        torch.testing.assert_close(lines(relaxation, z)[1][:, :, 0, 0], op(z)[:, :, 0, 0], rtol=0, atol=1e-12)
    z = alone(op, box, relaxation.lower_index, (box.upper, box.lower))
    torch.testing.assert_close(lines(relaxation, z)[0][:, :, 0, 0], op(z)[:, :, 0, 0], rtol=0, atol=1e-12)


@poolings
def test_the_adaptive_lower_line_has_the_least_volume_of_all(options):
    op, box = pooling(options), boxes()
    below = lines(op.relax(box), box.center)[0]  # the mean of a line over the box is its value at the centre
    torch.testing.assert_close(below, op(box.center), rtol=0, atol=1e-12)
    for choice in (0.0, 0.4, 1.0):
        chosen = op.relax(box, torch.full_like(below, choice))
        assert (lines(chosen, box.center)[0] <= below + 1e-12).all()


def test_the_upper_line_of_a_window_of_two_is_a_facet_of_the_exact_hull():
    op = pooling({"kernel_size": (1, 2)}, (1, 1, 2))
    lower = 2 * drawn(400, 1, 1, 2) - 1
    box = Box(lower, lower + 2 * drawn(400, 1, 1, 2, seed=1))
    relaxation = op.relax(box)
    corners = torch.cartesian_prod(torch.tensor([0.0, 1.0]), torch.tensor([0.0, 1.0])).to(DTYPE)
    gaps = []
    for corner in corners:
        z = torch.lerp(box.lower, box.upper, corner)
        gaps.append((lines(relaxation, z)[1] - op(z)).flatten())
    gaps = torch.stack(gaps)
    assert (gaps >= -1e-12).all()
    assert (
        (gaps < 1e-9).sum(0) >= 3
    ).all()  # three corners span the facet; the hull of a convex function has no others


def test_lines_of_a_relu_as_a_maximum_with_zero_are_those_of_the_relu():
    op = pooling({"kernel_size": (1, 2)}, (1, 1, 2))
    box = Box(torch.tensor([[[[-1.0, 0.0]]]], dtype=DTYPE), torch.tensor([[[[3.0, 0.0]]]], dtype=DTYPE))
    relaxation, parallel = op.relax(box, torch.full((1, 1, 1, 1), 0.3, dtype=DTYPE)), op.relax_parallel(box)
    assert (relaxation.upper_slope.item(), relaxation.upper_intercept.item()) == (0.75, 0.75)
    assert (relaxation.lower_slope.item(), relaxation.lower_intercept.item()) == (0.3, 0.0)
    assert (parallel.lower_slope.item(), parallel.lower_intercept.item()) == (0.75, 0.0)


@poolings
def test_parallel_lines_are_parallel_and_the_closest_of_any_input_and_slope(options):
    op, box = pooling(options), boxes()
    parallel = op.relax_parallel(box)
    assert torch.equal(parallel.lower_index, parallel.upper_index)
    assert torch.equal(parallel.lower_slope, parallel.upper_slope)
    gap = (parallel.upper_intercept - parallel.lower_intercept).flatten(2)
    low, high = (end.flatten(2)[..., op.windows.clamp(min=0)] for end in (box.lower, box.upper))
    low, high = (end.masked_fill(op.windows < 0, -torch.inf) for end in (low, high))
    for i in range(op.windows.shape[1]):
        others = high.clone()
        others[..., i] = -torch.inf
        end = torch.maximum(others.amax(-1), low[..., i])
        for slope in torch.linspace(0, 1, 11, dtype=DTYPE):
            above = torch.maximum(end - slope * low[..., i], (1 - slope) * high[..., i])
            distance = above - (1 - slope) * low.amax(-1)
            assert (gap <= torch.where(op.windows[:, i] < 0, torch.inf, distance) + 1e-12).all()


@poolings
def test_rows_are_pulled_back_onto_the_line_that_bounds_each_element(options):
    op, box = pooling(options), boxes()
    owner = torch.tensor([0, 0, 1, 2, 3, 5, 5, 4, 0])
    for relaxation in relaxations(op, box):
        rows = 2 * drawn(len(owner), *op(box.lower).shape[1:], seed=7) - 1
        radius = drawn(*op(box.lower).shape, seed=9)
        behind, sums = relaxation.pull_back(Rows(rows, owner), radius)
        pulled, constant = behind.values, sums[:, 0]
        torch.testing.assert_close(sums[:, 1], (rows.abs() * radius[owner]).flatten(1).sum(1), rtol=0, atol=1e-12)
        assert pulled.shape == (len(owner), *SHAPE)
        for z in members(box, count=6):
            below, above = (line[owner] for line in lines(relaxation, z))
            expected = (rows.clamp(min=0) * below + rows.clamp(max=0) * above).flatten(1).sum(1)
            value = (pulled * z[owner]).flatten(1).sum(1) + constant
            torch.testing.assert_close(value, expected, rtol=0, atol=1e-12)
            assert (value <= (rows * op(z)[owner]).flatten(1).sum(1) + 1e-12).all()


@poolings
def test_relaxations_are_differentiable_in_the_box(options):
    op, box = pooling(options), boxes()
    rows = 2 * drawn(6, *op(box.lower).shape[1:], seed=7) - 1
    choice = drawn(*op(box.lower).shape, seed=8)
    for b in (slice(0, 6), slice(4, 6)):  # the first four have points and ties for inputs
        arguments = [t[b].clone().requires_grad_() for t in (box.lower, box.upper, choice, rows)]
        found = torch.autograd.grad(total(op, *arguments), arguments)
        assert all(gradient.isfinite().all() for gradient in found)
    directions = [drawn(*t.shape, seed=11 + i) - 0.5 for i, t in enumerate(arguments)]
    ahead, behind = (
        total(op, *(t.detach() + step * d for t, d in zip(arguments, directions, strict=True)))
        for step in (1e-6, -1e-6)
    )
    exact = sum((gradient * d).sum() for gradient, d in zip(found, directions, strict=True))
    torch.testing.assert_close((ahead - behind) / 2e-6, exact, rtol=1e-6, atol=1e-6)


def total(op, lower, upper, choice, rows):
    """Return the sum of everything that relaxations on the box give."""
    relaxed = (op.relax(Box(lower, upper), choice), op.relax(Box(lower, upper)), op.relax_parallel(Box(lower, upper)))
    found = [lines.pull_back(Rows(rows, torch.arange(len(rows))), None) for lines in relaxed]
    return sum(rows.values.sum() + sums.sum() for rows, sums in found)


@poolings
def test_magnitudes_bound_the_terms_of_both_lines(options):
    op, box = pooling(options), boxes()
    for relaxation in relaxations(op, box):
        magnitude = relaxation.magnitude(box.magnitude)
        for z in members(box, count=6):
            for line in lines(relaxation, z):
                assert (line.abs() <= magnitude + 1e-12).all()
        slopes = torch.maximum(relaxation.lower_slope.abs(), relaxation.upper_slope.abs())
        assert (magnitude <= slopes * op(box.magnitude) + 2 * box.magnitude.amax()).all()


@poolings
def test_an_input_lies_in_as_many_windows_as_counted(options):
    op = pooling(options)
    z = torch.arange(20.0, dtype=DTYPE).view(1, 1, 5, 4)
    counted = torch.zeros(20)
    for position in range(20):  # a single peak is seen by exactly the windows that hold it
        peak = torch.where(z == position, 1.0, 0.0)
        counted[position] = (op(peak) == 1).sum()
    assert op.covering == counted.max()
    assert op.additions == 2 * op.covering


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("dtype", "tolerance"), [(DTYPE, 1e-9), (torch.float32, 0)])
def test_interval_bounds_of_a_network_with_max_pooling_hold(seed, dtype, tolerance):
    graph = network("max pooled", seed, dtype=dtype)
    x, y = images(4, seed, dtype), labels(4, seed)
    S, spec, frozen = LinfBall(0.1).at(x), LinearSpec.margins(y, CLASSES, dtype), graph.frozen()
    bounds = Interval()(frozen, S, spec)
    for z in members(S.bounding_box()):
        values = frozen.values(z)
        assert (spec.value(values[-1]) >= bounds.lower - tolerance).all()
        for value, box in zip(values, bounds.boxes, strict=True):
            assert (value >= box.lower - tolerance).all()
            assert (value <= box.upper + tolerance).all()


def test_a_window_in_the_padding_alone_is_refused():
    module = nn.Sequential(nn.MaxPool2d(2, 1, padding=1, dilation=2), nn.Flatten())
    with pytest.raises(UnsupportedOpError, match="padding entirely"):
        capture(module, torch.zeros(2, 1, 1, 1))
