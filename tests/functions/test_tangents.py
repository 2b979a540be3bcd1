"""Tangents and look-ups, against a root finder."""

import math

import pytest
import torch
from scipy.optimize import brentq

from hauberk.functions.gate import Side, SlopeBetween, SlopeOfTail
from hauberk.functions.tangents import Tangents
from hauberk.ops.gelu import GELU
from hauberk.ops.mish import Mish
from hauberk.ops.silu import SiLU
from hauberk.ops.tanh import Tanh

DTYPE = torch.float64


def number(function, z):
    return function(torch.tensor([z], dtype=DTYPE)).item()


@pytest.mark.parametrize("anchor", [-1e5, -30.0, -1.0, -0.2, -0.01])
def test_a_tangent_touches_where_it_should(anchor):
    touched = number(Tangents(Tanh(), 0.0, 1000.0, -1), anchor)
    expected = brentq(
        lambda d: math.tanh(d) - math.tanh(anchor) - (1 - math.tanh(d) ** 2) * (d - anchor), 1e-4, 20, xtol=1e-15
    )
    assert touched == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("op", [GELU(), SiLU(), Mish()], ids=str)
def test_tangents_to_a_tail_touch_it_ever_farther_out(op):
    tangents = Tangents(op, op.inflections[1], op.straight, -1, limit=0.0)
    anchors = torch.linspace(1e-6, op.inflections[1], 100, dtype=DTYPE)
    touched = tangents(anchors)
    assert (touched.diff() < 0).all()
    assert touched[-1].item() == pytest.approx(op.inflections[1])
    through = op(touched) + op.slope(touched) * (anchors - touched)
    torch.testing.assert_close(through, op(anchors), rtol=0, atol=1e-6)
    assert tangents(torch.tensor([0.0, -1.0], dtype=DTYPE)).isinf().all()


@pytest.mark.parametrize("op", [GELU(), SiLU(), Mish()], ids=str)
def test_look_ups_of_slopes_invert_the_slope(op):
    z = torch.linspace(*op.inflections, 500, dtype=DTYPE)
    torch.testing.assert_close(SlopeBetween(op)(op.slope(z)), z, rtol=0, atol=1e-7)
    tail = torch.linspace(op.inflections[1], 5, 500, dtype=DTYPE)
    torch.testing.assert_close(SlopeOfTail(Side(op))(op.slope(tail)), tail, rtol=0, atol=1e-7)
    assert SlopeOfTail(Side(op))(torch.tensor([1.0, 0.3, -2.0], dtype=DTYPE)).isinf().all()


def test_nan_is_looked_up_without_an_error():
    assert number(Tangents(Tanh(), 0.0, 1000.0, -1), math.nan) == 0
