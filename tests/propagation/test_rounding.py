"""The rounding allowances of bound passes, against sums made by hand."""

from functools import lru_cache

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from hauberk.bounds import BackwardLinear, Interval
from hauberk.capture import capture
from hauberk.concepts.rows import Rows
from hauberk.concepts.slopes import Adaptive, Parallel
from hauberk.concepts.specification import LinearSpec
from hauberk.propagation.backward_pass import BackwardPass
from hauberk.propagation.forward_box import forward_box
from hauberk.propagation.forward_pass import ForwardPass
from hauberk.propagation.generators import AllGenerators
from hauberk.propagation.row_tables import RowTables
from hauberk.threats import L2Ball, LinfBall

DTYPE, UNIT = torch.float64, 2.0**-53
X = torch.tensor([[1.0, -2.0, 4.0]], dtype=DTYPE)
FIRST = torch.tensor([[2.0, -1.0, 0.5], [-4.0, 1.0, 3.0]], dtype=DTYPE)
BIAS = torch.tensor([-1.0, 0.5], dtype=DTYPE)
LAST = torch.tensor([[1.0, -2.0], [3.0, 1.0]], dtype=DTYPE)
VALUE = torch.tensor([[5.0, 6.5]], dtype=DTYPE)  # FIRST @ X + BIAS
TERMS = torch.tensor([[2 + 2 + 2 + 1.0, 4 + 2 + 12 + 0.5]], dtype=DTYPE)


def gamma(count, unit=UNIT):
    return count * unit / (1 - 2 * count * unit)


@lru_cache
def captured(dtype=DTYPE):
    module = nn.Sequential(nn.Linear(3, 2), nn.ReLU(), nn.Linear(2, 2, bias=False)).to(dtype)
    with torch.no_grad():
        for parameter, given in zip(module.parameters(), (FIRST, BIAS, LAST), strict=True):
            parameter.copy_(given)
    return capture(module, X.to(dtype).repeat(2, 1)).frozen()


class Branching(nn.Module):
    """An input that is read three times, and a hidden value that is read twice."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(4, 5), nn.Linear(4, 5, bias=False)

    def forward(self, x):
        h = F.relu(self.first(x))
        return (self.second(x) + h) - (h + self.first(x))


def test_allowances_count_terms_both_ways_readers_and_in_double_precision_elements():
    found = {}
    for dtype in (torch.float32, torch.float64):
        graph = capture(Branching().to(dtype), torch.zeros(2, 4, dtype=dtype)).frozen()
        S = LinfBall(0.1, None).at(torch.zeros(1, 4, dtype=dtype))
        found[dtype] = RowTables(graph, S, Interval().boxes(graph, S), Adaptive(), outward=True)
    single, double = found.values()
    assert graph.readers[0] == 3
    assert single.allowance(0) == pytest.approx(gamma(4 + 16, 2.0**-24), rel=1e-12)
    assert double.allowance(0) == pytest.approx(gamma(4 + 16), rel=1e-12)
    for index, node in enumerate(graph.nodes, start=1):
        # A matrix of 5 x 4 and a constant; a ReLU; a sum of two values, each of which is one more term of its inputs.
        reads = max(graph.readers[i] for i in node.inputs)
        own = {"Linear": 4 + 1 + 5, "ReLU": 0, "Add": 2 + 2}[type(node.op).__name__]
        assert single.allowance(index) == pytest.approx(gamma(reads + own + 16, 2.0**-24), rel=1e-12)
        assert double.allowance(index) == pytest.approx(gamma(5 + reads + own + 16), rel=1e-12)
    assert {max(graph.readers[i] for i in node.inputs) for node in graph.nodes} == {1, 2, 3}


def tables(slopes, eps=0.0, outward=True):
    graph, S = captured(), LinfBall(eps, None).at(X)
    return RowTables(graph, S, Interval().boxes(graph, S, outward=False), slopes, outward=outward)


def test_a_rows_spread_holds_a_share_of_every_magnitude_it_meets():
    """At radius 0, with both hidden neurons active, all spreads are allowances."""
    found = tables(Adaptive())
    at_input, at_first, at_hidden = gamma(3 + 16), gamma(2 + 1 + (3 + 1) + 2 + 16), gamma(2 + 1 + 16)
    torch.testing.assert_close(found.facts(0)[1], X.abs() * at_input, rtol=1e-12, atol=0)
    offset, allowed = found.facts(1)
    assert offset.tolist() == [BIAS.tolist()]
    torch.testing.assert_close(allowed, TERMS * at_first, rtol=1e-12, atol=0)
    low, high, below, above, radius = found.line_facts(2)
    assert low.tolist() == high.tolist() == [[1.0, 1.0]]
    allowed = VALUE * at_hidden + TERMS * at_first
    assert radius is None
    torch.testing.assert_close(BIAS - below, allowed, rtol=1e-1, atol=0)
    torch.testing.assert_close(above - BIAS, allowed, rtol=1e-1, atol=0)
    offset, allowed = found.facts(3)
    assert offset is None or not offset.any()
    torch.testing.assert_close(allowed, VALUE @ LAST.T.abs() * gamma(2 + 1 + 3 + 2 + 16), rtol=1e-12, atol=0)


@pytest.mark.parametrize("slopes", [Adaptive(), Parallel()])
def test_lines_take_in_what_only_their_node_reads_up_to_the_first_operator_that_mixes(slopes):
    module = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2), nn.ReLU(), nn.Linear(2, 2)).double().eval()
    scale, shift = torch.tensor([0.5, -2.0], dtype=DTYPE), torch.tensor([1.0, 3.0], dtype=DTYPE)
    with torch.no_grad():
        for parameter, given in zip(module[0].parameters(), (FIRST, BIAS), strict=True):
            parameter.copy_(given)
        module[1].weight.copy_(scale * (1 + module[1].eps) ** 0.5)  # variance 1
        module[1].bias.copy_(shift)
    graph, S = capture(module, X.repeat(2, 1)).frozen(), LinfBall(1.0, None).at(X)
    found = RowTables(graph, S, Interval().boxes(graph, S, outward=False), slopes, outward=False)
    lines, half = found.lines(3)
    low, high, below, above, radius = found.line_facts(3)
    for line, plain in ((low, lines.lower_slope), (high, lines.upper_slope)):
        torch.testing.assert_close(line, plain * scale)
    for line, slope, plain in (
        (below, lines.lower_slope, lines.lower_intercept),
        (above, lines.upper_slope, lines.upper_intercept),
    ):
        torch.testing.assert_close(line, slope * (shift + scale * BIAS) + (0 if plain is None else plain))
    assert radius is None if half is None else torch.equal(radius, half)


def test_without_outward_rounding_nothing_is_added():
    found = tables(Adaptive(), 0.25, outward=False)
    assert found.facts(0)[1].tolist() == [[0.25] * 3]
    assert found.facts(1)[1] is None
    assert found.line_facts(2)[-1] is None


def test_rows_without_slopes_end_at_boxes_widened_by_a_share_of_their_magnitude():
    found = tables(None)
    center, radius = found.facts(2)
    assert center.tolist() == VALUE.tolist()
    torch.testing.assert_close(radius, VALUE * gamma(2 + 1 + 16), rtol=1e-12, atol=0)


def test_parallel_lines_become_their_middle_and_half_their_distance():
    graph, S = captured(), LinfBall(2.0, None).at(X)
    boxes = Interval().boxes(graph, S, outward=False)
    assert boxes[1].lower.tolist() == [[5 - 2 * 3.5, 6.5 - 2 * 8]]
    assert boxes[1].upper.tolist() == [[12.0, 22.5]]
    found = RowTables(graph, S, boxes, Parallel(), outward=False)
    assert found.two_sided
    lines, radius = found.lines(2)
    slope = torch.tensor([[12 / 14, 22.5 / 32]], dtype=DTYPE)
    half = slope * torch.tensor([[2.0, 9.5]], dtype=DTYPE) / 2
    for line in (lines.lower_slope, lines.upper_slope):
        torch.testing.assert_close(line, slope, rtol=1e-12, atol=0)
    for part in (lines.lower_intercept, lines.upper_intercept, radius):
        torch.testing.assert_close(part, half, rtol=1e-12, atol=0)
    *_, below, above, _ = found.line_facts(2)
    torch.testing.assert_close(below, half + slope * BIAS, rtol=1e-12, atol=0)
    torch.testing.assert_close(above, half + slope * BIAS, rtol=1e-12, atol=0)
    outward = RowTables(graph, S, boxes, Parallel(), outward=True).lines(2)[1]
    magnitude = slope * torch.tensor([[12.0, 22.5]], dtype=DTYPE) + 2 * half
    torch.testing.assert_close(outward - half, magnitude * gamma(2 + 1 + 16), rtol=0.05, atol=0)


def test_a_step_of_interval_arithmetic_is_widened_twice_once_for_itself_and_once_for_the_network():
    graph, S = captured(), LinfBall(0.0, None).at(X)
    boxes = [S.bounding_box()]
    boxes.append(forward_box(graph, S, boxes, outward=True))
    first = TERMS * 2 * gamma(3 + 1 + 8)
    torch.testing.assert_close(boxes[1].radius, first, rtol=1e-10, atol=0)
    boxes.append(forward_box(graph, S, boxes, outward=True))
    boxes.append(forward_box(graph, S, boxes, outward=True))
    second = first @ LAST.T.abs() + VALUE @ LAST.T.abs() * 2 * gamma(2 + 1 + 8)
    torch.testing.assert_close(boxes[3].radius, second, rtol=0.3, atol=0)  # its operand was rounded to end points
    assert not forward_box(graph, S, boxes[:1], outward=False).radius.any()


def test_forms_carry_their_errors_through_layers_and_lines():
    """At radius 0: error, what each layer adds, what each line adds, and what summing generators adds at the end."""
    graph, S = captured(), LinfBall(0.0, None).at(X)
    boxes = Interval().boxes(graph, S, outward=False)
    carrier = AllGenerators(S)
    forward = ForwardPass(graph, boxes, carrier, True)
    first, second = forward.advance(1), forward.advance(2)
    # Generators are the Jacobian, whose share of the sum is that of the input's magnitude: one pass, one network.
    error = TERMS * 2 * gamma(3 + 1 + 8)
    torch.testing.assert_close(first.error, error, rtol=1e-12, atol=0)
    spread = BIAS.abs() + X.abs() @ FIRST.T.abs()
    torch.testing.assert_close(carrier.magnitude(first), spread, rtol=1e-12, atol=0)
    error = error + spread * 2 * gamma(8)
    torch.testing.assert_close(second.error, error, rtol=1e-12, atol=0)
    third = forward.advance(3)
    error = error @ LAST.T.abs() + spread @ LAST.T.abs() * 2 * gamma(2 + 1 + 8)
    torch.testing.assert_close(third.error, error, rtol=1e-12, atol=0)
    wide = forward_box(graph, LinfBall(1e3, None).at(X), [LinfBall(1e3, None).at(X).bounding_box()], outward=False)
    box = carrier.box(first, wide, torch.ones(1, 2, dtype=torch.bool))
    still = first.error + spread * 2 * gamma(3 + 8)
    torch.testing.assert_close(box.upper - VALUE, still, rtol=0.2, atol=0)
    torch.testing.assert_close(VALUE - box.lower, still, rtol=0.2, atol=0)


@pytest.mark.parametrize("threat", [LinfBall(0.0, None), L2Ball(0.0, None)])
def test_a_margins_allowance_is_the_sum_of_all_those_on_its_way(threat):
    graph, S = captured(torch.float32), threat.at(X.float())
    boxes = [box.to(torch.float32) for box in Interval().boxes(captured(), LinfBall(0.0, None).at(X), outward=False)]
    rows = torch.tensor([[[1.0, -1.0]]])
    center, spread = BackwardPass(graph, S, boxes, Adaptive(), outward=True).sums(Rows.uniform(rows), 3)[0].tolist()
    unit = 2.0**-24
    hidden = torch.tensor([[1 - 3.0, -2 - 1.0]], dtype=DTYPE).abs()
    inputs = (torch.tensor([[-2.0, -3.0]], dtype=DTYPE) @ FIRST).abs()
    allowed = (VALUE @ LAST.T.abs()).sum() * gamma(1 + 3 + 2 + 16, unit)
    allowed = allowed + (hidden * (VALUE * gamma(1 + 16, unit) + TERMS * gamma(1 + 4 + 2 + 16, unit))).sum()
    allowed = allowed + (inputs * X.abs()).sum() * gamma(3 + 16, unit)
    value = (VALUE @ LAST.T @ rows[0, 0].double()).item()
    assert value - (center - spread) == pytest.approx(allowed.item(), rel=0.05)  # lines were rounded themselves


def test_bounds_are_rounded_outward_by_one_more_number():
    graph, S = captured(), LinfBall(0.0, None).at(X)
    boxes = Interval().boxes(graph, S)
    bound = torch.tensor([1 / 3, 1.0, -2 / 3, 0.0], dtype=DTYPE)
    outward, inward = (BackwardPass(graph, S, boxes, None, outward=o) for o in (True, False))
    near = bound.float()
    for towards in (-torch.inf, torch.inf):
        found = outward.rounded(bound, towards, torch.float32)
        assert torch.equal(found, near.nextafter(torch.tensor(towards)))
        assert ((found.double() < bound) if towards < 0 else (found.double() > bound)).all()
        assert torch.equal(inward.rounded(bound, towards, torch.float32), near)
    low, high = outward.range(Rows.uniform(torch.zeros(1, 1, 2, dtype=DTYPE)), 1)
    assert low.item() < 0 < high.item(), "a sum of zeros is rounded, too"
    constant = torch.tensor([4.0], dtype=DTYPE)
    assert outward.lower(Rows.uniform(torch.zeros(1, 1, 2, dtype=DTYPE)), 1, constant).item() == pytest.approx(4.0)


def test_offsets_of_a_specification_shift_its_margins():
    graph, S = captured(), LinfBall(0.0, None).at(X)
    spec = LinearSpec(torch.tensor([[[1.0, -1.0], [0.0, 2.0]]], dtype=DTYPE), torch.tensor([[0.5, -3.0]], dtype=DTYPE))
    logits = (VALUE @ LAST.T)[0]
    expected = [[(logits[0] - logits[1] + 0.5).item(), (2 * logits[1] - 3).item()]]
    for bounder in (Interval(), BackwardLinear()):
        torch.testing.assert_close(
            bounder(graph, S, spec, outward=False).lower, torch.tensor(expected, dtype=DTYPE), rtol=1e-12, atol=0
        )
