"""Hardtanh: the dual layer of Wong et al. 2018, corollary 6, corrected; clamps with missing and reversed bounds."""

import pytest
import torch
from torch import nn

from hauberk.capture import capture
from hauberk.concepts.box import Box
from hauberk.concepts.relaxation import Relaxation
from hauberk.errors import UnsupportedOpError
from hauberk.ops.hardtanh import Hardtanh
from laws.lines import require_relaxation

DTYPE = torch.float64


def intervals(count=20000):
    ends = 2 * torch.randn(2, count, generator=torch.Generator().manual_seed(0), dtype=DTYPE)
    return ends.amin(0), ends.amax(0)


def cases(lower, upper):
    """Return the six cases of the table."""
    return [
        upper <= -1,
        lower >= 1,
        (lower >= -1) & (upper <= 1),
        (lower < -1) & (upper > 1),
        (lower < -1) & (upper > -1) & (upper <= 1),
        (lower >= -1) & (lower < 1) & (upper > 1),
    ]


def table(lower, upper, dual):
    """Return the slope, and h for this dual variable, of every interval."""
    spanning = 2 / (1 + torch.maximum(upper, -lower))
    rising, falling = (1 + upper) / (upper - lower), (1 - lower) / (upper - lower)
    zero = torch.zeros_like(lower)
    slopes = [zero, zero, zero + 1, spanning, rising, falling]
    heights = [
        -dual,
        dual,
        zero,
        ((1 - spanning) * dual).abs(),
        torch.maximum(-(rising * lower + 1) * dual, (rising - 1) * dual),
        torch.maximum((1 - falling) * lower * dual, (1 - falling) * dual),
    ]
    which = cases(lower, upper)
    return (sum(torch.where(case, one, 0) for case, one in zip(which, each, strict=True)) for each in (slopes, heights))


def test_parallel_lines_are_the_corrected_table_and_the_exact_maximum():
    lower, upper = intervals()
    which = torch.stack(cases(lower, upper))
    assert (which.sum(0) == 1).all()
    assert (which.sum(1) > 500).all()
    dual = torch.randn(len(lower), generator=torch.Generator().manual_seed(1), dtype=DTYPE)
    lines = Hardtanh().relax_parallel(Box(lower[None], upper[None]))
    slope, height = table(lower, upper, dual)
    torch.testing.assert_close(lines.lower_slope[0], slope, rtol=0, atol=1e-12)
    found = dual.clamp(min=0) * lines.upper_intercept[0] + dual.clamp(max=0) * lines.lower_intercept[0]
    torch.testing.assert_close(found, height, rtol=0, atol=1e-12)
    z = torch.stack([lower, upper, *(lower.new_tensor(bend).clamp(lower, upper) for bend in (-1.0, 1.0))])
    hull = ((z.clamp(-1, 1) - slope * z) * dual).amax(0)
    torch.testing.assert_close(found, hull, rtol=0, atol=1e-12)
    inner = torch.lerp(lower, upper, torch.linspace(0, 1, 101, dtype=DTYPE)[:, None])
    assert ((inner.clamp(-1, 1) - slope * inner) * dual <= found + 1e-12).all()


def test_the_law_of_soundness_catches_the_misprinted_table():
    """In print the two entries of the spanning case are exchanged, and max(u, l) stands for max(u, -l)."""
    lower, upper = intervals(2000)
    box = Box(lower[None], upper[None])
    spanning = cases(lower, upper)[3][None]
    right = Hardtanh().relax_parallel(box)
    require_relaxation(Hardtanh(), box, right)
    share = 2 / (1 + box.upper)
    slope = torch.where(spanning, (1 - share).abs(), right.lower_slope)
    printed = Relaxation(
        slope,
        slope,
        torch.where(spanning, share, right.upper_intercept),
        torch.where(spanning, -share, right.lower_intercept),
    )
    with pytest.raises(AssertionError):
        require_relaxation(Hardtanh(), box, printed)
    z = torch.stack([box.lower, box.upper])
    broken = (printed.upper_slope * z + printed.upper_intercept < z.clamp(-1, 1) - 1e-9).any(0)
    broken |= (printed.lower_slope * z + printed.lower_intercept > z.clamp(-1, 1) + 1e-9).any(0)
    assert broken.sum() > 20
    assert not (broken & ~spanning).any()


def test_straight_parts_are_relaxed_exactly_for_every_choice():
    lower = torch.tensor([[-5.0, -1.0, 0.2, -1.0, 1.0, 3.0]], dtype=DTYPE)
    upper = torch.tensor([[-1.0, 1.0, 0.7, -0.5, 1.0, 7.0]], dtype=DTYPE)
    for choice in (None, torch.zeros_like(lower), torch.full_like(lower, 0.4), torch.ones_like(lower)):
        lines = Hardtanh().relax(Box(lower, upper), choice)
        for z in (lower, 0.3 * lower + 0.7 * upper, upper):
            exact = z.clamp(-1, 1)
            torch.testing.assert_close(lines.lower_slope * z + lines.lower_intercept, exact, rtol=0, atol=1e-15)
            torch.testing.assert_close(lines.upper_slope * z + lines.upper_intercept, exact, rtol=0, atol=1e-15)


class Clamped(nn.Module):
    def __init__(self, *bounds):
        super().__init__()
        self.bounds = bounds

    def forward(self, x):
        return x.clamp(*self.bounds)


@pytest.mark.parametrize("bounds", [(-0.5, None), (None, 0.5), (1, 2), (0.3, 0.3)], ids=str)
def test_clamps_are_captured_with_their_bounds(bounds):
    x = torch.linspace(-3, 3, 12).view(2, 6)
    graph = capture(Clamped(*bounds), x).frozen()
    torch.testing.assert_close(graph(x), x.clamp(*bounds), rtol=0, atol=0)
    box = Box(x - 1, x + 2)
    for lines in (graph.nodes[0].op.relax(box), graph.nodes[0].op.relax_parallel(box)):
        for z in (box.lower, x, box.upper):
            assert (lines.lower_slope * z + lines.lower_intercept <= z.clamp(*bounds) + 1e-6).all()
            assert (lines.upper_slope * z + lines.upper_intercept >= z.clamp(*bounds) - 1e-6).all()


@pytest.mark.parametrize("bounds", [(2, 1), (float("nan"), 1)], ids=str)
def test_bounds_the_wrong_way_round_are_refused(bounds):
    with pytest.raises(UnsupportedOpError, match="wrong way round"):
        capture(Clamped(*bounds), torch.zeros(2, 3))


def test_bounds_that_float32_rounds_are_allowed_for():
    box = Box(torch.full((1, 1), 2.0), torch.full((1, 1), 3.0))
    image = Hardtanh(-1.1, 1.1).interval(box)
    assert image.lower.double().item() <= 1.1 <= image.upper.double().item()
    assert image.lower < image.upper
    exact = Hardtanh(-1.0, 1.5).interval(box)
    assert torch.equal(exact.lower, exact.upper)
