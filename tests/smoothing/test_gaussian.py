"""Normal noise: shares and radii are those of the theorem, and noise is added as it says."""

import math

import pytest
import torch
from scipy.stats import norm

from hauberk.concepts.noise import Noise
from hauberk.errors import InputError
from hauberk.kernels.noise import with_gaussian
from hauberk.smoothing import Gaussian

SHARES = torch.linspace(0.001, 0.999, 999, dtype=torch.float64)


@pytest.mark.parametrize("sigma", [1e-30, 0.25, 3, 1e30])
def test_radii_are_quantiles_and_shares_their_inverse(sigma):
    noise = Gaussian(sigma)
    radius = noise.radius(SHARES)
    torch.testing.assert_close(radius, sigma * torch.from_numpy(norm.ppf(SHARES.numpy())), rtol=1e-12, atol=0)
    torch.testing.assert_close(noise.share(radius), SHARES, rtol=1e-12, atol=1e-15)
    assert (noise.radius(SHARES[SHARES <= 0.5]) <= 0).all()
    assert noise.p == 2.0


@pytest.mark.parametrize(("share", "radius"), [(0.6, 0.0633), (0.9, 0.3204), (0.99, 0.5816), (0.999, 0.7726)])
def test_published_radii(share, radius):
    assert Gaussian(0.25).radius(torch.tensor(share)).item() == pytest.approx(radius, abs=5e-5)


def test_certainty_and_nothing_have_their_limits():
    noise = Gaussian(0.5)
    assert noise.radius(torch.tensor([0.0, 0.5, 1.0])).tolist() == [-math.inf, 0, math.inf]
    assert noise.share(torch.tensor([0.0, math.inf])).tolist() == [0.5, 1]


def test_no_half_space_of_the_share_lies_nearer_and_one_lies_there():
    """A half-space with the share is left at the radius: there its probability is a half."""
    noise, share = Gaussian(0.25), 0.9
    radius = noise.radius(torch.tensor(share, dtype=torch.float64))
    drawn = noise.rows(torch.zeros(1, 3), torch.zeros(100_000, dtype=torch.int64), torch.arange(100_000)).double()
    direction = torch.tensor([2.0, -1.0, 2.0], dtype=torch.float64) / 3
    inside = drawn @ direction < radius
    assert inside.double().mean().item() == pytest.approx(share, abs=5 * (0.09 / 100_000) ** 0.5)
    moved = (drawn + radius * direction) @ direction < radius
    assert moved.double().mean().item() == pytest.approx(0.5, abs=5 * 0.5 / 100_000**0.5)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_noise_is_added_to_each_input_and_gradients_pass(dtype):
    x = torch.randn(3, 2, 2, generator=torch.Generator().manual_seed(0)).to(dtype).requires_grad_()
    noise, streams = Gaussian(0.5), Noise.of(1, torch.tensor([4, 5, 6]))
    found = noise.added(x, streams)
    assert (found.shape, found.dtype) == (x.shape, dtype)
    rows = with_gaussian(x.detach().flatten(1), torch.arange(3), streams.keys, 0.5)
    eps = torch.finfo(dtype).eps  # of the inputs, which may be larger than their sums
    torch.testing.assert_close(found.detach().flatten(1), rows, rtol=2 * eps, atol=max(eps, 1e-7))
    weights = torch.randn_like(x)
    (gradient,) = torch.autograd.grad((found * weights).sum(), x)
    assert torch.equal(gradient, weights)
    for i in range(3):
        alone = noise.added(x[i : i + 1], streams.select(torch.tensor([i])))
        assert torch.equal(alone, found[i : i + 1])


def test_no_input_takes_no_noise():
    assert Gaussian(1.0).added(torch.zeros(0, 5), Noise.of(0, torch.zeros(0, dtype=torch.int64))).shape == (0, 5)


@pytest.mark.parametrize("sigma", [0.0, 1e-40, -0.5, math.nan, math.inf])
def test_what_is_no_deviation_is_refused(sigma):
    with pytest.raises(InputError, match=f"Gaussian needs sigma .*{sigma}"):
        Gaussian(sigma)


def test_the_name_holds_the_parameter():
    assert Gaussian(0.25).name == "Gaussian noise, sigma 0.25"
    assert Gaussian(1).name == "Gaussian noise, sigma 1"
