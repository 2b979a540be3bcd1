"""The entropic projection onto a Wasserstein ball: its answers are members, and near those of the exact one."""

import math

import pytest
import torch

from hauberk.errors import InputError
from hauberk.threats import WassersteinBall
from laws.networks import SHAPE, images
from transports import distance

B = 12


def points(x, seed, reach):
    return x + reach * torch.randn(x.shape, generator=torch.Generator().manual_seed(seed), dtype=x.dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("sharpness", [1.0, 1e3, 1e5])
@pytest.mark.parametrize("reach", [0.3, 3.0, 1e6])
def test_answers_are_members_and_stay_as_they_are(dtype, sharpness, reach):
    x = images(B, 7, dtype)
    S = WassersteinBall(0.3, window=3, within=None, projection="entropic", sharpness=sharpness).at(x)
    p = S.project(points(x, 8, reach))
    assert S.contains(p).all()
    assert torch.equal(S.project(p), p)
    assert torch.equal(S.project(x), x)


@pytest.mark.parametrize("sharpness", [1.0, 1e3, 1e5])
def test_answers_cost_no_more_than_the_budget_and_stay_in_the_range(sharpness):
    x = images(B, 7)
    S = WassersteinBall(0.3, window=3, projection="entropic", sharpness=sharpness).at(x)
    p = S.project(points(x, 8, 0.3))
    assert (p >= 0).all()
    assert (p <= 1).all()
    for e in range(B):
        cost, unmatched = distance(p[e].flatten() / S.total[e], S.mass[e], S.grid)
        assert cost <= 0.3 * (1 + 1e-6)
        assert unmatched <= 1e-9


def test_the_distance_is_at_least_that_of_the_exact_projection_and_close_to_it():
    x = images(B, 9)
    z = points(x, 3, 0.3)
    exact, near, far = (
        WassersteinBall(0.3, within=None, tolerance=1e-8, **how).at(x).project(z)
        for how in (
            {},
            {"projection": "entropic", "sharpness": 1e6},
            {"projection": "entropic", "sharpness": 100.0},
        )
    )
    least, close, more = ((p - z).flatten(1).norm(dim=1) for p in (exact, near, far))
    assert (close >= least * (1 - 1e-8)).all()
    assert (more >= close).all()
    torch.testing.assert_close(close, least, rtol=1e-4, atol=0)


def test_no_radius_and_black_images():
    x = images(B, 9)
    x[1] = 0
    z = points(x, 3, 0.3)
    still = WassersteinBall(0.0, projection="entropic").at(x).project(z)
    torch.testing.assert_close(still, x, rtol=0, atol=1e-15)
    assert torch.equal(WassersteinBall(1.0, projection="entropic").at(x).project(z)[1], x[1])


@pytest.mark.parametrize("sharpness", [0.0, -1.0, math.inf, math.nan])
def test_a_sharpness_that_is_no_positive_number_is_refused(sharpness):
    with pytest.raises(InputError, match="sharpness to be a positive number"):
        WassersteinBall(0.3, projection="entropic", sharpness=sharpness)


def test_channels_keep_their_mass():
    x = images(B, 9)
    p = WassersteinBall(0.5, projection="entropic", within=None).at(x).project(points(x, 3, 1.0))
    assert x.shape[1:] == SHAPE
    torch.testing.assert_close(p.sum((2, 3)), x.sum((2, 3)), rtol=0, atol=1e-12)
