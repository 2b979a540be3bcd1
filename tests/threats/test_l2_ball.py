"""The l_2 ball against one-dimensional root searches, closed forms and the distribution of its samples."""

import math

import pytest
import torch
from scipy import stats
from scipy.optimize import brentq

from hauberk.concepts.noise import Noise
from hauberk.threats import L1Ball, L2Ball
from laws.networks import SHAPE, images

B, N = 6, 16
DTYPE = torch.float64
RADII = torch.tensor([0.0, 1e-3, 0.3, 1.0, 1.7, 20.0], dtype=DTYPE)


def hard_directions(seed):
    """Ties, zeros, a single pixel, and sizes over many orders of magnitude."""
    c = torch.randn(B, 6, *SHAPE, generator=torch.Generator().manual_seed(seed), dtype=DTYPE)
    c[:, 1] = c[:, 1].round()
    c[:, 2] = c[:, 2].sign()
    c[:, 3] = 0.0
    c[:, 3, 0, 1, 1] = -2.0
    c[:, 4] = torch.exp(10 * c[:, 4])
    c[:, 5] = -torch.exp(-10 * c[:, 5])
    return c


def clipped(log_t, direction, start, within):
    """Return the offset along a direction, clipped to the range."""
    low, high = within
    return torch.minimum(torch.maximum(math.exp(log_t) * direction, low - start), high - start)


def searched(direction, start, within, eps, most):
    """Return the logarithm of the multiplier, at most `most`, at which the clipped offset has norm eps."""

    def excess(log_t):
        return (clipped(log_t, direction, start, within).norm() - eps).item()

    if excess(-90.0) >= 0 or excess(most) <= 0:
        return most if eps else -90.0
    return brentq(excess, -90, most, xtol=1e-15, rtol=1e-15)


@pytest.mark.parametrize("within", [(0.0, 1.0), (-0.25, 1.5)], ids=str)
def test_support_function_lies_between_equal_primal_and_dual_values(within):
    x, c = images(B, 1), hard_directions(1)
    support = L2Ball(RADII, within).at(x).support_function(c)
    for i in range(B):
        start, eps = x[i].flatten(), RADII[i].item()
        for k in range(c.shape[1]):
            gain = c[i, k].flatten() / c[i, k].abs().max()
            found = support[i, k] / c[i, k].abs().max() - gain @ start
            log_t = searched(gain, start, within, eps, 90.0)
            primal = clipped(log_t, gain, start, within)
            primal = primal * min(1.0, eps / max(primal.norm().item(), 1e-300))
            assert (found - gain @ primal).abs() <= 1e-9
            t = math.exp(log_t)
            offset = clipped(log_t, gain, start, within)
            dual = eps**2 / (2 * t) + (gain * offset - offset**2 / (2 * t)).sum()
            assert (found - dual).abs() <= 1e-9


def test_support_function_where_the_radius_is_exactly_the_room():
    x = torch.full((1, 4), 0.5, dtype=DTYPE)
    c = torch.tensor([[[4.0, -3.0, 0.0, 0.0], [1.0, 1.0, 1.0, 1.0]]], dtype=DTYPE, requires_grad=True)
    for eps, expected in ((0.5, [0.5 + 2.5, 3.0]), (1.0, [0.5 + 3.5, 4.0]), (9.0, [0.5 + 3.5, 4.0])):
        S = L2Ball(eps).at(x)
        support = S.support_function(c)
        torch.testing.assert_close(support, torch.tensor([expected], dtype=DTYPE))
        (z,) = torch.autograd.grad(support.sum(), c)
        assert S.contains(z[:, 0], 1e-12).all()
        assert S.contains(z[:, 1], 1e-12).all()


@pytest.mark.parametrize("within", [(0.0, 1.0), (-0.25, 1.5), (-1e9, 1e9)], ids=str)
def test_projection_is_the_clipped_offset_whose_multiplier_a_root_search_finds(within):
    x = images(B, 2)
    z = x + 2 * torch.randn(B, *SHAPE, generator=torch.Generator().manual_seed(3), dtype=DTYPE)
    p = L2Ball(RADII, within).at(x).project(z)
    for i in range(B):
        start, offset = x[i].flatten(), (z[i] - x[i]).flatten()
        log_t = searched(offset, start, within, RADII[i].item(), 0.0)
        torch.testing.assert_close(p[i].flatten(), start + clipped(log_t, offset, start, within), rtol=0, atol=1e-10)


def test_without_a_range_projection_and_support_have_their_closed_forms():
    x, c = images(B, 3), hard_directions(3)
    S = L2Ball(RADII, None).at(x)
    expected = (c * x.unsqueeze(1)).flatten(2).sum(2) + RADII[:, None] * c.flatten(2).norm(dim=2)
    torch.testing.assert_close(S.support_function(c), expected, rtol=1e-14, atol=0)
    z = x + c[:, 0]
    share = (RADII / c[:, 0].flatten(1).norm(dim=1)).clamp(max=1).view(-1, 1, 1, 1)
    torch.testing.assert_close(S.project(z), x + share * c[:, 0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("size", [1e-30, 1e-12, 1e12])
def test_a_step_has_its_length_whatever_the_size_of_the_gradient(size):
    S = L2Ball(1.0).at(images(B, 4, torch.float32))
    gradient = size * torch.randn(B, *SHAPE, generator=torch.Generator().manual_seed(4))
    step = S.steepest_step(torch.zeros_like(S.start), gradient, S.radius, Noise.of(0, torch.arange(len(S.start))))
    torch.testing.assert_close(step.flatten(1).norm(dim=1), S.radius)


def test_samples_are_uniform_in_the_ball():
    examples = 4000
    S = L2Ball(0.7, None).at(torch.zeros(examples, *SHAPE, dtype=DTYPE))
    offset = S.sample(Noise.of(0, torch.arange(examples))).flatten(1)
    norm = offset.norm(dim=1)
    assert stats.kstest(((norm / 0.7) ** N).numpy(), "uniform").pvalue > 1e-3
    for i in (0, N - 1):
        share = (offset[:, i] / norm).square().numpy()
        assert stats.kstest(share, stats.beta(0.5, (N - 1) / 2).cdf).pvalue > 1e-3
        assert stats.binomtest(int((offset[:, i] > 0).sum()), examples).pvalue > 1e-3


@pytest.mark.parametrize("within", [(0.0, 1.0), None], ids=str)
def test_float32_support_of_long_vectors_is_off_by_a_few_roundings_of_the_terms(within):
    generator = torch.Generator().manual_seed(5)
    x, c = torch.rand(4, 3072, generator=generator), torch.randn(4, 20, 3072, generator=generator)
    single, double = L2Ball(3.0, within).at(x), L2Ball(3.0, within).at(x.double())
    error = (single.support_function(c) - double.support_function(c.double())).abs()
    size = (c.abs() * double.bounding_box().magnitude.unsqueeze(1)).sum(2)
    assert (error <= 8 * 2.0**-24 * size).all()


@pytest.mark.parametrize("eps", [1e-10, 1e-6, 1e-4, 0.3])
@pytest.mark.parametrize("ball", [L2Ball, L1Ball])
def test_projections_onto_small_balls_are_members_without_tolerance(ball, eps):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(200, 16, dtype=torch.float64, generator=generator)
    S = ball(eps).at(x)
    assert S.contains(S.project(x + torch.randn(x.shape, dtype=x.dtype, generator=generator))).all()
