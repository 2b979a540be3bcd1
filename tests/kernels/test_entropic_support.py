"""Entropic upper bounds of support functions against linear programs and the exact function."""

import math

import pytest
import torch

from hauberk.kernels.entropic_support import entropic_support
from hauberk.kernels.transport_support import support
from transports import digits, grid_of, worth

GRID, N = grid_of((1, 4, 4)), 16
RADII = torch.tensor([0.0, 1e-3, 0.1, 0.7, 5.0], dtype=torch.float64)
OWNER = torch.arange(5).repeat_interleave(3)


def rows(seed=0):
    values = torch.randn(15, N, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    values[1::3] = values[1::3].round()
    values[2::3] *= 100
    return values


@pytest.mark.parametrize("sharpness", [1.0, 100.0, 1e5])
def test_every_number_of_steps_gives_an_upper_bound(sharpness):
    values, mass = rows(), digits(5, N)
    exact = torch.tensor(
        [worth(values[r], mass[e], float(RADII[e]), GRID) for r, e in enumerate(OWNER)], dtype=mass.dtype
    )
    for steps in (0, 1, 2, 5, 20, 60):
        bound = entropic_support(values, OWNER, mass, RADII, GRID, sharpness, steps)
        assert (bound - exact >= -1e-9 * (1 + exact.abs())).all()


@pytest.mark.parametrize("sharpness", [1.0, 100.0, 1e5])
def test_the_gap_is_at_most_that_of_entropy(sharpness):
    values, mass = rows(), digits(5, N)
    exact = support(values, OWNER, mass, RADII, GRID)
    gap = entropic_support(values, OWNER, mass, RADII, GRID, sharpness) - exact
    assert (gap <= math.log(len(GRID.cost)) / sharpness + 1e-9 * (1 + exact.abs())).all()


def test_black_images_and_single_pixels():
    mass = torch.zeros(2, N, dtype=torch.float64)
    mass[1, 5] = 1.0
    values = rows()[:2]
    found = entropic_support(values, torch.arange(2), mass, torch.ones(2, dtype=torch.float64), GRID, 1e5)
    assert found[0] == 0
    places = GRID.places[GRID.window[5]]
    torch.testing.assert_close(found[1], values[1, places[GRID.cost <= 1]].max(), rtol=0, atol=1.0)
    assert found.isfinite().all()
