"""How far an execution may be off, against sums made by hand."""

import pytest
import torch
from torch import nn

from hauberk.bounds import Interval
from hauberk.capture import capture
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import UnsupportedOpError
from hauberk.programs.execution_error import execution_error
from hauberk.threats import LinfBall
from hauberk.verification import MixedInteger

WEIGHTS = [[2.0, -1.0, 0.5], [-4.0, 1.0, 3.0]], [[1.0, -2.0], [3.0, 1.0]]
BIASES = [-1.0, 0.5], [0.25, -8.0]


def network(activation, dtype=torch.float32):
    module = nn.Sequential(nn.Linear(3, 2), activation, nn.Linear(2, 2)).to(dtype)
    with torch.no_grad():
        for layer, weight, bias in zip(module[::2], WEIGHTS, BIASES, strict=True):
            layer.weight.copy_(torch.tensor(weight))
            layer.bias.copy_(torch.tensor(bias))
    return capture(module, torch.zeros(2, 3, dtype=dtype))


def share(count, unit):
    """Return the allowance of a sum of so many roundings, once for the sum and once for a bound of it."""
    return 2 * count * unit / (1 - 2 * count * unit)


def by_hand(x, steepest, unit, rows):
    """Return the error of each row at a point whose values are all exact."""
    error, value = [0.0, 0.0, 0.0], x
    for layer, (weight, bias) in enumerate(zip(WEIGHTS, BIASES, strict=True)):
        terms = [sum(abs(w * v) for w, v in zip(row, value, strict=True)) for row in weight]
        passed = [sum(abs(w) * e for w, e in zip(row, error, strict=True)) for row in weight]
        count = len(value) + 1 + 8
        error = [p + share(count, unit) * (t + abs(b)) for p, t, b in zip(passed, terms, bias, strict=True)]
        value = [sum(w * v for w, v in zip(row, value, strict=True)) + b for row, b in zip(weight, bias, strict=True)]
        if not layer:
            error, value = [e * steepest for e in error], [max(v, 0.5 * v, -3 * v * (steepest > 1)) for v in value]
    error = [e + share(2 + 8, unit) * abs(v) for e, v in zip(error, value, strict=True)]
    return [sum(abs(r) * e for r, e in zip(row, error, strict=True)) for row in rows]


@pytest.mark.parametrize(("dtype", "unit"), [(torch.float32, 2.0**-24), (torch.float64, 2.0**-53)])
@pytest.mark.parametrize(("activation", "steepest"), [(nn.LeakyReLU(0.5), 1.0), (nn.LeakyReLU(-3.0), 3.0)])
def test_errors_are_those_of_every_layer_passed_on_by_the_steepest_piece(dtype, unit, activation, steepest):
    graph, x = network(activation, dtype).frozen(), [1.0, -2.0, 4.0]
    boxes = Interval().boxes(graph, LinfBall(0.0, None).at(torch.tensor([x], dtype=dtype)), outward=False)
    rows = [[1.0, -1.0], [-0.5, 2.0]]
    spec = LinearSpec(torch.tensor([rows], dtype=dtype), torch.zeros(1, 2, dtype=dtype))
    found = execution_error(graph, boxes, spec)[0].tolist()
    assert found == pytest.approx(by_hand(x, steepest, unit, rows), rel=1e-5)


def test_functions_that_are_not_piecewise_linear_have_no_known_error():
    graph = network(nn.Tanh()).frozen()
    S = LinfBall(0.0, None).at(torch.zeros(1, 3))
    with pytest.raises(UnsupportedOpError, match="Tanh"):
        execution_error(graph, Interval().boxes(graph, S), LinearSpec.margins(torch.tensor([0]), 2))


def test_an_exact_minimum_lies_below_the_true_one_by_the_whole_error():
    """Large constants that cancel: the error is far above what is subtracted for the solver's tolerances."""
    graph = network(nn.LeakyReLU(0.5))
    with torch.no_grad():
        graph.module[2].bias.copy_(torch.tensor([3e5, 3e5]))
    x = torch.tensor([[1.0, -2.0, 4.0]])
    S, spec = LinfBall(0.25, None).at(x), LinearSpec.margins(torch.tensor([1]), 2)
    intermediate = Interval()
    frozen = graph.frozen()
    error = execution_error(frozen, intermediate(frozen, S, spec).boxes, spec).item()
    corners = torch.cartesian_prod(*[torch.tensor([-0.25, 0.25], dtype=torch.float64)] * 3) + x.double()
    exact = spec.to(torch.float64).value(graph.frozen(torch.float64)(corners)).amin().item()
    found = MixedInteger(intermediate, minimum=True)(NetworkSubject(graph.module, graph), S, spec).lower.item()
    assert error > 0.5
    # No hinge turns within the ball, so that the minimum lies at a corner.
    assert found == pytest.approx(exact - error, abs=1e-3)
