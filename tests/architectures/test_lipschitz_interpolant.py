"""Interpolants against their formula, the theorem of universal approximation, and the best possible radii."""

import math

import pytest
import torch

from digits import digits
from hauberk.architectures import LipschitzInterpolant
from hauberk.capture import capture
from hauberk.errors import InputError, ShapeError


def uniform(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def far(x, points):
    return (x[:, None] - points).flatten(2).abs().amax(2)


def grid(side, dimensions):
    """The centres of cells, which form a net of 1 / (2 * side)."""
    centres = (torch.arange(side, dtype=torch.float64) + 0.5) / side
    return torch.cartesian_prod(*[centres] * dimensions).view(-1, dimensions)


FUNCTIONS = {
    "steepest": lambda x: torch.stack([x[:, 0], -x[:, -1]], 1),
    "waves": lambda x: torch.stack([(9 * x[:, 0]).sin() / 9, (5 * x).sin().sum(1) / (5 * x.shape[1])], 1),
    "cone and roof": lambda x: torch.stack([(x - 0.3).abs().amax(1), 0.5 - (x[:, 0] - 0.6).abs()], 1),
    "zigzag": lambda x: ((x.mean(1) * 10) % 2 - 1).abs()[:, None] / 10,
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize(("dimensions", "side"), [(1, 4), (1, 50), (2, 3), (2, 15)])
def test_a_net_of_delta_approximates_within_two_delta_from_above(name, dimensions, side):
    points, delta = grid(side, dimensions), 1 / (2 * side)
    network = LipschitzInterpolant(points, FUNCTIONS[name](points))
    x = torch.cartesian_prod(*[torch.linspace(0, 1, 1001 if dimensions == 1 else 61).double()] * dimensions)
    x = x.view(-1, dimensions)
    assert far(x, points).amin(1).max() <= delta + 1e-12
    with torch.no_grad():
        error = network(x) - FUNCTIONS[name](x)
    assert error.min() >= -1e-12
    assert error.max() <= 2 * delta + 1e-12


def test_two_delta_are_attained():
    network = LipschitzInterpolant(torch.tensor([[0.5]]).double(), torch.tensor([[0.5]]).double())
    assert network(torch.zeros(1, 1).double()).item() == 1  # f(x) = x is 0 there, and delta is 0.5


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-15), (torch.float32, 1e-6)])
@pytest.mark.parametrize("within", [(0.0, 1.0), (-3.0, 5.0)])
def test_logits_are_the_least_cones_and_the_values_at_the_points(monkeypatch, dtype, tolerance, within):
    monkeypatch.setattr("hauberk.kernels.lp_distance.COMPILED", False)  # the plain twin, whatever is installed
    low, width = within[0], within[1] - within[0]
    points, x = low + width * uniform(40, 3), low + width * uniform(200, 3, seed=1)
    values = torch.stack([far(points, points[:5]).amin(1), 7 - (points - low).mean(1), points.amax(1)], 1)
    network = LipschitzInterpolant(points.to(dtype), values.to(dtype), within)
    expected = (far(x, points)[..., None] + values).amin(1)
    with torch.no_grad():
        torch.testing.assert_close(network(x.to(dtype)).double(), expected, rtol=0, atol=40 * tolerance)
        torch.testing.assert_close(network(points.to(dtype)).double(), values, rtol=0, atol=40 * tolerance)


def test_logits_are_1_lipschitz_on_the_whole_space():
    points = uniform(50, 4)
    network = LipschitzInterpolant.separating(points, torch.arange(50) % 3, classes=3)
    x = 4 * uniform(2000, 4, seed=1) - 1.5
    moved = x + (2 * uniform(2000, 4, seed=2) - 1) * uniform(2000, 1, seed=3)
    with torch.no_grad():
        ratios = (network(x) - network(moved)).abs().amax(1) / (x - moved).abs().amax(1)
    assert 0.9 < ratios.max() <= 1 + 1e-12


@pytest.mark.parametrize("dimensions", [1, 2, 7])
def test_separating_certifies_half_the_distance_of_another_class(dimensions):
    points, labels = uniform(80, dimensions), torch.randint(4, (80,), generator=torch.Generator().manual_seed(1))
    assert radii_less_half_distances(points, labels, classes=4).abs().max() < 1e-14


def test_a_class_without_points_is_at_the_width_of_the_range():
    points, labels = uniform(9, 2), torch.arange(9) % 2
    assert radii_less_half_distances(points, labels, classes=3).abs().max() < 1e-14
    alone = LipschitzInterpolant.separating(points, torch.zeros(9, dtype=torch.long), classes=2)
    torch.testing.assert_close(alone(points), torch.tensor([[0.0, -1.0]] * 9).double())


def test_no_point_of_a_certified_ball_is_misclassified():
    points, labels = uniform(30, 2), torch.arange(30) % 3
    network = LipschitzInterpolant.separating(points, labels, classes=3)
    radius = (far(points, points) + 9.0 * (labels[:, None] == labels)).amin(1) / 2
    moves = torch.cat([2 * uniform(40, 30, 2, seed=1) - 1, (2 * uniform(40, 30, 2, seed=2) - 1).sign()])
    with torch.no_grad():
        found = network((points + 0.999 * radius[:, None] * moves).flatten(0, 1)).argmax(1)
    assert (found.view(-1, 30) == labels).all()


@pytest.mark.parametrize("stride", [4, pytest.param(1, marks=pytest.mark.product)])
def test_two_hundred_digits_are_certified_at_half_the_distance_of_another_digit(stride):
    x, y = digits(200).batch(slice(None))
    x = x[:, :, ::stride, ::stride].double()
    assert radii_less_half_distances(x, y, classes=10).abs().max() < 1e-14


def test_is_captured():
    points = uniform(20, 1, 3, 4)
    network, x = LipschitzInterpolant.separating(points, torch.arange(20) % 3, classes=3), uniform(9, 1, 3, 4, seed=1)
    torch.testing.assert_close(capture(network, x[:2])(x), network(x))


def radii_less_half_distances(points, labels, classes):
    """The difference of half the margins and half the distances, pair by pair, of points of different classes."""
    with torch.no_grad():
        logits = LipschitzInterpolant.separating(points, labels, classes)(points).tolist()
    between, own = far(points, points).tolist(), labels.tolist()
    margins = [row[k] - max(row[:k] + row[k + 1 :]) for row, k in zip(logits, own, strict=True)]
    nearest = [min(d for d, j in zip(row, own, strict=True) if j != k) for row, k in zip(between, own, strict=True)]
    return (torch.tensor(margins, dtype=torch.float64) - torch.tensor(nearest, dtype=torch.float64)) / 2


def test_values_that_are_not_1_lipschitz_name_the_pair():
    points = torch.tensor([[0.0], [0.5], [0.75], [1.0]]).double()
    values = torch.tensor([[0.0, 0.0], [0.0, 0.5], [0.0, 0.1], [0.0, 0.2]]).double()
    with pytest.raises(InputError, match=r"class 1 .* differ by 0\.4 between points 2 and 1, whose distance is 0\.25"):
        LipschitzInterpolant(points, values)
    with pytest.raises(InputError, match=r"differ by 1 between points 1 and 0, whose distance is 0\."):
        LipschitzInterpolant(torch.zeros(2, 1).double(), torch.tensor([[1.0], [0.0]]).double())


def test_values_a_rounding_error_too_steep_are_fine():
    points = uniform(500, 1)
    LipschitzInterpolant(points, points * (1 + 2**-52))
    with pytest.raises(InputError, match="1-Lipschitz"):
        LipschitzInterpolant(points, points * (1 + 1e-12))


@pytest.mark.parametrize(
    ("points", "values", "within", "error", "words"),
    [
        (torch.rand(3), torch.zeros(3, 2), (0, 1), ShapeError, r"\(n, \.\.\.\).*shape \(3,\)"),
        (torch.rand(0, 2), torch.zeros(0, 2), (0, 1), ShapeError, "non-empty"),
        (torch.ones(3, 2).long(), torch.zeros(3, 2), (0, 1), ShapeError, "floating-point.*int64"),
        (torch.rand(3, 2), torch.zeros(2, 2), (0, 1), ShapeError, r"\(3, classes\).*\(2, 2\)"),
        (torch.rand(3, 2), torch.zeros(3), (0, 1), ShapeError, r"\(3, classes\).*\(3,\)"),
        (torch.rand(3, 2), torch.zeros(3, 0), (0, 1), ShapeError, r"\(3, 0\)"),
        (torch.rand(3, 2), torch.zeros(3, 2).double(), (0, 1), ShapeError, "float32.*float64"),
        (torch.tensor([[math.nan]]), torch.zeros(1, 2), (0, 1), InputError, "within.*nan"),
        (torch.tensor([[math.inf]]), torch.zeros(1, 2), (0, 1), InputError, "within.*inf"),
        (torch.tensor([[1.5]]), torch.zeros(1, 2), (0, 1), InputError, r"within \(0, 1\).*1\.5"),
        (torch.rand(1, 2), torch.tensor([[math.nan, 0.0]]), (0, 1), InputError, "finite.*nan"),
        (torch.rand(1, 2), torch.tensor([[0.0, -math.inf]]), (0, 1), InputError, "finite.*-inf"),
        (torch.rand(1, 2), torch.zeros(1, 2), (1, 0), InputError, "finite range"),
        (torch.rand(1, 2), torch.zeros(1, 2), (0, math.inf), InputError, "finite number"),
    ],
)
def test_refusals(unchecked, points, values, within, error, words):
    with pytest.raises(error, match=words):
        LipschitzInterpolant(points, values, within)


@pytest.mark.parametrize(
    ("labels", "error", "words"),
    [
        (torch.tensor([0, 3]), InputError, r"0\.\.2.*is 3"),
        (torch.tensor([-1, 0]), InputError, "is -1"),
        (torch.tensor([0, 1, 2]), ShapeError, r"2 integers.*\(3,\)"),
        (torch.tensor([0.0, 1.0]), ShapeError, "float32"),
    ],
)
def test_labels_that_fit_neither_points_nor_classes_are_refused(unchecked, labels, error, words):
    with pytest.raises(error, match=words):
        LipschitzInterpolant.separating(torch.rand(2, 2), labels, classes=3)
