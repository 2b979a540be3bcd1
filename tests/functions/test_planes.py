"""Planes around products and logarithms of the softmax, at the corners of boxes; functions that are not defined."""

import itertools

import pytest
import torch

from hauberk.concepts.box import Box
from hauberk.concepts.rows import Rows
from hauberk.functions.bilinear import Bilinear
from hauberk.functions.contraction import Contraction
from hauberk.functions.log_softmax import LogSoftmax
from hauberk.ops.exponential import Exp
from hauberk.ops.logarithm import Log
from hauberk.ops.power import PositivePower
from hauberk.ops.reciprocal import Reciprocal

PRODUCT = Bilinear(Contraction("a", "a", "a", (("a", 1),)))
BOX = Box(torch.tensor([[-1.0, 2.0]]).double(), torch.tensor([[3.0, 5.0]]).double())


def lower_plane(choice):
    lines = PRODUCT.relax(BOX, torch.tensor([[choice]]).double())
    rows, constants = lines.pull_back(Rows.uniform(torch.ones(1, 1, 1).double()), None)
    return [*rows.values[0].tolist(), constants[0, 0].item()]


def test_extreme_choices_are_the_planes_of_mccormick():
    (x, y), (x_high, y_high) = BOX.lower[0].tolist(), BOX.upper[0].tolist()
    assert lower_plane(0.0) == pytest.approx([y, x, -x * y])
    assert lower_plane(1.0) == pytest.approx([y_high, x_high, -x_high * y_high])


def test_products_and_softmax_attain_their_intervals_at_corners():
    for op in (PRODUCT, LogSoftmax(2)):
        corners = torch.tensor(list(itertools.product(*zip(BOX.lower[0].tolist(), BOX.upper[0].tolist(), strict=True))))
        values, image = op(corners.double()), op.interval(BOX)
        torch.testing.assert_close(values.amin(0), image.lower[0], rtol=0, atol=1e-10)
        torch.testing.assert_close(values.amax(0), image.upper[0], rtol=0, atol=1e-10)


def test_the_softmax_of_huge_boxes_stays_between_zero_and_one():
    for size in (1e3, 1e30, torch.inf):
        box = LogSoftmax(3).interval(Box(torch.full((1, 3), -size), torch.full((1, 3), size)))
        shares = Exp().interval(box)
        assert (shares.lower >= 0).all()
        assert (shares.upper <= 1 + 1e-5).all()


@pytest.mark.parametrize("op", [Log(), PositivePower(0.5), PositivePower(-0.5), Reciprocal()], ids=str)
def test_nothing_is_known_where_a_function_is_not_defined(op):
    box = Box(torch.tensor([[-1.0, 1.0]]), torch.tensor([[1.0, 2.0]]))
    image, lines = op.interval(box), op.relax(box)
    assert image.lower[0].isfinite().tolist() == image.upper[0].isfinite().tolist() == [False, True]
    assert lines.lower_intercept[0].isfinite().tolist() == lines.upper_intercept[0].isfinite().tolist() == [False, True]
    assert lines.lower_slope[0, 0] == lines.upper_slope[0, 0] == 0
