"""Uniform noise: a share proves the l_1 distance that the overlap of two cubes allows."""

import math

import pytest
import torch

from hauberk.concepts.noise import Noise
from hauberk.errors import InputError
from hauberk.smoothing import Uniform

SHARES = torch.linspace(0, 1, 101, dtype=torch.float64)


@pytest.mark.parametrize("reach", [1e-30, 0.5, 3, 1e30])
def test_radii_are_linear_in_the_share_and_shares_their_inverse(reach):
    noise = Uniform(reach)
    torch.testing.assert_close(noise.radius(SHARES), reach * (2 * SHARES - 1), rtol=1e-12, atol=1e-15 * reach)
    torch.testing.assert_close(noise.share(noise.radius(SHARES)), SHARES, rtol=1e-12, atol=1e-15)
    assert noise.p == 1.0


def test_no_share_exceeds_1():
    assert Uniform(0.5).share(torch.tensor([0.0, 0.25, 0.5, 7.0, math.inf])).tolist() == [0.5, 0.75, 1, 1, 1]


@pytest.mark.parametrize("d", [1, 2, 6])
def test_a_shift_moves_no_more_probability_than_the_share_allows(d):
    """What a shift moves out of the cube is 1 - prod(1 - |shift| / 2 reach), the most that any event can lose."""
    noise, generator = Uniform(0.7), torch.Generator().manual_seed(d)
    shifts = torch.randn(2000, d, generator=generator, dtype=torch.float64) * torch.rand(2000, 1, generator=generator)
    lost = 1 - (1 - shifts.abs() / 1.4).clamp(min=0).prod(1)
    distance = shifts.abs().sum(1)
    assert (lost <= noise.share(distance) - 0.5 + 1e-12)[distance <= 0.7].all()
    along = torch.zeros(9, d, dtype=torch.float64)
    along[:, 0] = torch.linspace(0, 0.7, 9)
    torch.testing.assert_close(noise.share(along[:, 0]) - 0.5, along[:, 0] / 1.4)  # one coordinate loses just that


def test_an_event_that_a_shift_halves_has_the_share_of_its_distance():
    noise, radius = Uniform(0.5), torch.tensor(0.3, dtype=torch.float64)
    drawn = noise.rows(torch.zeros(1, 1), torch.zeros(100_000, dtype=torch.int64), torch.arange(100_000)).double()
    share = (drawn < radius).double().mean().item()
    assert share == pytest.approx(noise.share(radius).item(), abs=5 * 0.5 / 100_000**0.5)
    assert (drawn + radius < radius).double().mean().item() == pytest.approx(0.5, abs=5 * 0.5 / 100_000**0.5)


def test_noise_is_added_to_each_input_and_gradients_pass():
    x = torch.randn(3, 7, dtype=torch.float64, requires_grad=True)
    streams = Noise.of(1, torch.tensor([4, 5, 6]))
    found = Uniform(0.5).added(x, streams)
    assert ((found - x).abs() <= 0.5).all()
    assert len((found - x).unique()) == 21
    (gradient,) = torch.autograd.grad(found.sum(), x)
    assert torch.equal(gradient, torch.ones_like(x))


@pytest.mark.parametrize("reach", [0.0, -0.5, math.nan, math.inf])
def test_what_is_no_reach_is_refused(reach):
    with pytest.raises(InputError, match=f"Uniform needs reach .*{reach}"):
        Uniform(reach)


def test_the_name_holds_the_parameter():
    assert Uniform(0.25).name == "uniform noise, reach 0.25"
