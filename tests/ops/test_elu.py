"""ELU and CELU: which of them are bounded, and where lines touch at the jump of the slope."""

import math

import pytest
import torch
from torch import nn

from hauberk.capture import capture
from hauberk.concepts.box import Box
from hauberk.errors import UnsupportedOpError
from hauberk.ops.elu import CELU, ELU


@pytest.mark.parametrize("module", [nn.ELU(0.0), nn.ELU(-2.0), nn.CELU(-1.0)], ids=str)
def test_alphas_that_are_not_positive_are_refused(module):
    with pytest.raises(UnsupportedOpError, match="alpha"):
        capture(module, torch.zeros(2, 3))


def test_where_it_is_the_identity_the_lines_are_too():
    low = torch.tensor([[0.0, 0.5, 3.0]], dtype=torch.float64)
    for lines in (CELU(0.7).relax(Box(low, low + 2)), CELU(0.7).relax_parallel(Box(low, low + 2))):
        for slope in (lines.lower_slope, lines.upper_slope):
            torch.testing.assert_close(slope, torch.ones_like(low), rtol=0, atol=1e-14)
        for intercept in (lines.lower_intercept, lines.upper_intercept):
            torch.testing.assert_close(intercept, torch.zeros_like(low), rtol=0, atol=1e-13)


@pytest.mark.parametrize("end", [1e-8, 1e-3, 1.0, 40.0, 1e6])
def test_the_tangent_through_a_point_right_of_zero_touches_the_exponential(end):
    op, u = ELU(), torch.tensor([end], dtype=torch.float64)
    t = op.from_right(u)
    assert -math.log(op.alpha) < t < 0
    torch.testing.assert_close(op(t) + op.slope(t) * (u - t), op(u), rtol=1e-9, atol=0)


def test_above_the_jump_are_the_two_chords_that_meet_there():
    op, box = ELU(2.0, 0.5), Box(torch.full((1, 1), -1.0).double(), torch.full((1, 1), 3.0).double())
    left = 1 - math.exp(-1)  # from (-1, exp(-1) - 1) to (0, 0)
    for choice, slope in ((0.0, 0.5), (1.0, left)):
        lines = op.relax(box, torch.full((1, 1), choice).double())
        assert lines.upper_slope.item() == pytest.approx(slope, rel=1e-12)
        assert lines.upper_intercept.item() == pytest.approx(0, abs=1e-12)
