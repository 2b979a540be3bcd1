"""Rows and the windows that hold their coefficients."""

import pytest
import torch
import torch.nn.functional as F

from hauberk.concepts.rows import Rows, Window

DTYPE = torch.float64


def windowed():
    """Rows behind a transposed convolution of single pixels, in windows that leave the map on every side."""
    weight = torch.randn(3, 2, 3, 3, dtype=DTYPE, generator=torch.Generator().manual_seed(0))
    element = torch.tensor([0, 3, 7, 11, 20, 26, 5])
    owner = torch.tensor([0, 0, 1, 1, 1, 2, 2])
    units = Rows.units(owner, element, (3, 3, 3), weight)
    values = F.conv_transpose2d(units.values, weight, stride=2)
    window = Window((2, 5, 5), (3, 3), (-1, -1), (2, 2), (3, 3))
    full = F.one_hot(element, 27).to(DTYPE).view(-1, 3, 3, 3)
    return units.with_values(values, window), F.conv_transpose2d(full, weight, stride=2, padding=1), owner


def test_unit_rows_pick_single_elements():
    element, owner = torch.tensor([0, 5, 17, 26]), torch.zeros(4, dtype=torch.long)
    for shape in ((3, 3, 3), (27,), (9, 3)):
        dense = Rows.units(owner, element, shape, torch.zeros(1, dtype=DTYPE)).dense()
        assert torch.equal(dense.flat, F.one_hot(element, 27).to(DTYPE))


def test_windows_hold_what_whole_rows_hold():
    rows, full, _ = windowed()
    torch.testing.assert_close(rows.dense().values, full, rtol=0, atol=1e-12)
    torch.testing.assert_close(rows.inside().dense().values, full, rtol=0, atol=1e-12)


def test_tables_give_products_with_the_owners_tensor():
    rows, full, owner = windowed()
    t = torch.randn(3, 2, 5, 5, dtype=DTYPE, generator=torch.Generator().manual_seed(1))
    expected = (full * t[owner]).flatten(1).sum(1)
    torch.testing.assert_close((rows.flat * rows.table(t)[rows.index]).sum(1), expected, rtol=0, atol=1e-12)
    dense = rows.dense()
    torch.testing.assert_close((dense.flat * dense.table(t)[dense.index]).sum(1), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("start", [(-4, -4), (3, 3), (0, 2)])
def test_windows_far_outside_the_map_see_zeros(start):
    window = Window((1, 4, 4), (2, 2), start, (3, 3), (2, 2))
    pieces = window.pieces(torch.ones(1, 1, 4, 4))
    inside = (window.elements(pieces.device) < 16).to(pieces)
    assert torch.equal(pieces, inside)


def test_sums_of_rows_in_different_windows_are_those_of_whole_rows():
    rows, full, owner = windowed()
    other = Rows(torch.ones_like(full), owner)
    torch.testing.assert_close(rows.plus(other).dense().values, full + 1, rtol=0, atol=1e-12)
    torch.testing.assert_close(rows.plus(rows).dense().values, 2 * full, rtol=0, atol=1e-12)
