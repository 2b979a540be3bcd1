"""The l_1 ball against linear programs, closed forms and the distribution of its samples."""

import pytest
import torch
from scipy import stats
from scipy.optimize import brentq, linprog

from hauberk.concepts.noise import Noise
from hauberk.errors import InputError
from hauberk.threats import L1Ball
from laws.networks import SHAPE, images

B, N = 6, 16
NOISE = Noise.of(0, torch.arange(B))
DTYPE = torch.float64
RADII = torch.tensor([0.0, 1e-3, 0.3, 1.5, 4.0, 20.0], dtype=DTYPE)


def hard_directions(seed):
    """Ties, zeros, a single pixel, and sizes over many orders of magnitude."""
    c = torch.randn(B, 6, *SHAPE, generator=torch.Generator().manual_seed(seed), dtype=DTYPE)
    c[:, 1] = c[:, 1].round()
    c[:, 2] = c[:, 2].sign()
    c[:, 3] = 0.0
    c[:, 3, 0, 1, 1] = -2.0
    c[:, 4] = torch.exp(3 * c[:, 4])
    c[:, 5] = -torch.exp(-3 * c[:, 5])
    return c


@pytest.mark.parametrize("within", [(0.0, 1.0), (-0.25, 1.5), None], ids=str)
def test_support_function_is_the_optimum_of_the_linear_program(within):
    x, c = images(B, 1), hard_directions(1)
    support = L1Ball(RADII, within).at(x).support_function(c).numpy()
    low, high = within or (None, None)
    for i in range(B):
        start = x[i].flatten().numpy()
        ups = [(0, None if high is None else high - s) for s in start]
        downs = [(0, None if low is None else s - low) for s in start]
        for k in range(c.shape[1]):
            gain = c[i, k].flatten().numpy()
            scale = abs(gain).max()
            found = linprog([*-gain / scale, *gain / scale], [[1.0] * 2 * N], [RADII[i].item()], bounds=ups + downs)
            assert support[i, k] / scale == pytest.approx((gain / scale) @ start - found.fun, abs=1e-9)


def test_support_function_where_the_radius_ends_exactly_with_a_pixels_room():
    x = torch.full((1, 4), 0.5, dtype=DTYPE)
    c = torch.tensor([[[4.0, -3.0, 2.0, 1.0], [1.0, 1.0, 1.0, 1.0]]], dtype=DTYPE, requires_grad=True)
    for eps, expected in ((0.5, [2 + 2, 0.5 + 2]), (1.0, [3.5 + 2, 1.0 + 2]), (1.25, [4.0 + 2, 1.25 + 2]), (9, [7, 4])):
        S = L1Ball(eps).at(x)
        support = S.support_function(c)
        assert support.tolist() == [expected]
        (z,) = torch.autograd.grad(support.sum(), c)
        assert S.contains(z[:, 0]).all()
        assert S.contains(z[:, 1]).all()


def test_projection_is_the_clipped_soft_threshold_whose_threshold_a_root_search_finds():
    x = images(B, 2)
    z = x + 2 * torch.randn(B, *SHAPE, generator=torch.Generator().manual_seed(3), dtype=DTYPE)
    p = L1Ball(RADII).at(x).project(z)
    for i in range(B):
        start, d = x[i].flatten(), (z[i] - x[i]).flatten()
        room = torch.where(d >= 0, 1 - start, start)

        def shrunk(t, d=d, room=room):
            return d.sign() * torch.minimum((d.abs() - t).clamp(min=0), room)

        def excess(t, i=i, shrunk=shrunk):
            return (shrunk(t).abs().sum() - RADII[i]).item()

        t = brentq(excess, 0, d.abs().max().item(), xtol=1e-15) if excess(0) > 0 else 0.0
        torch.testing.assert_close(p[i].flatten(), start + shrunk(t), rtol=0, atol=1e-12)


def test_projection_in_closed_form():
    S = L1Ball(2.0, None).at(torch.zeros(1, 3, dtype=DTYPE))
    z = torch.tensor([[0.1, -3.0, 2.0]], dtype=DTYPE)
    torch.testing.assert_close(S.project(z), torch.tensor([[0.0, -1.5, 0.5]], dtype=DTYPE), rtol=0, atol=1e-12)
    S = L1Ball(2.0, (-1.0, 1.0)).at(torch.zeros(1, 3, dtype=DTYPE))
    torch.testing.assert_close(
        S.project(torch.tensor([[0.1, -3.0, 1.2]], dtype=DTYPE)),
        torch.tensor([[0.0, -1.0, 1.0]], dtype=DTYPE),
        rtol=0,
        atol=1e-12,
    )


def test_a_step_moves_the_pixels_of_the_largest_gradients_to_the_border_as_far_as_it_lasts():
    start, gradient = torch.tensor([[0.0, 1.0, 0.5, 0.2]]), torch.tensor([[-9.0, 8.0, -2.0, 1.0]])
    S, free = L1Ball(1.0).at(start), L1Ball(1.0, None).at(start)
    for length, expected in ((0.3, [0, 0, -0.3, 0]), (0.6, [0, 0, -0.5, 0.1]), (9.0, [0, 0, -0.5, 0.8])):
        step = S.steepest_step(start, gradient, torch.tensor([length]), NOISE.select(torch.tensor([0]))) - start
        torch.testing.assert_close(step, torch.tensor([expected]), check_dtype=False)
        step = free.steepest_step(start, gradient, torch.tensor([length]), NOISE.select(torch.tensor([0]))) - start
        torch.testing.assert_close(step, torch.tensor([[-length, 0, 0, 0]]))


@pytest.mark.parametrize("within", [(0.0, 1.0), None], ids=str)
def test_a_step_of_one_radius_from_the_start_attains_the_support_function(within):
    x, c = images(B, 5), hard_directions(5)
    S = L1Ball(RADII, within).at(x)
    for k in range(c.shape[1]):
        z = S.steepest_step(S.start, c[:, k], S.radius, NOISE)
        assert S.contains(z, 1e-12).all()
        attained = (c[:, k] * z).flatten(1).sum(1)
        torch.testing.assert_close(attained, S.support_function(c[:, k : k + 1])[:, 0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("eps", [0.5, 1.5, 6.0])
def test_short_projected_steps_come_near_the_support_function(eps):
    S, c = L1Ball(eps).at(images(B, 6)), hard_directions(6)[:, 0]
    z = S.sample(Noise.of(0, torch.arange(B)))
    for _ in range(200):
        z = S.project(S.steepest_step(z, c, 0.02 * S.radius, NOISE))
    optimum, attained = S.support_function(c.unsqueeze(1))[:, 0], (c * z).flatten(1).sum(1)
    assert (optimum - attained <= 0.05 * (optimum - (c * S.start).flatten(1).sum(1))).all()


def test_samples_are_uniform_in_the_ball():
    examples = 4000
    S = L1Ball(0.7, None).at(torch.zeros(examples, *SHAPE, dtype=DTYPE))
    offset = S.sample(Noise.of(0, torch.arange(examples))).flatten(1)
    norm = offset.abs().sum(1)
    assert stats.kstest(((norm / 0.7) ** N).numpy(), "uniform").pvalue > 1e-3
    for i in (0, N - 1):
        assert stats.kstest((offset[:, i].abs() / norm).numpy(), stats.beta(1, N - 1).cdf).pvalue > 1e-3
        assert stats.binomtest(int((offset[:, i] > 0).sum()), examples).pvalue > 1e-3


@pytest.mark.parametrize("within", [(0.0, 1.0), None], ids=str)
def test_float32_support_of_long_vectors_is_off_by_a_few_roundings_of_the_terms(within):
    generator = torch.Generator().manual_seed(4)
    x, c = torch.rand(4, 3072, generator=generator), torch.randn(4, 20, 3072, generator=generator)
    single, double = L1Ball(12.0, within).at(x), L1Ball(12.0, within).at(x.double())
    error = (single.support_function(c) - double.support_function(c.double())).abs()
    size = (c.abs() * double.bounding_box().magnitude.unsqueeze(1)).sum(2)
    assert (error <= 8 * 2.0**-24 * size).all()


def test_a_step_over_coordinates_shares_its_length_between_a_random_number_that_can_move():
    x = images(B, 7)
    x[:, 0, 0] = 0.0
    S = L1Ball(3.0, coordinates=(2, 5)).at(x)
    gradient = -torch.rand(x.shape, generator=torch.Generator().manual_seed(0), dtype=x.dtype)
    counts = set()
    for seed in range(20):
        noise = Noise.of(seed, torch.arange(B))
        step = (S.steepest_step(S.start, gradient, torch.full((B,), 0.02, dtype=x.dtype), noise) - S.start).flatten(1)
        assert (step[:, :4] == 0).all()  # pixels at their border cannot move, and take no share
        counts |= set((step != 0).sum(1).tolist())
        for i in range(B):
            moved = step[i][step[i] != 0].abs()
            torch.testing.assert_close(moved, torch.full_like(moved, 0.02 / len(moved)))
            assert (
                gradient.flatten(1).abs()[i][step[i] != 0].min()
                >= gradient.flatten(1).abs()[i][(step[i] == 0) & (x.flatten(1)[i] > 0)].max()
            )
    assert counts == {2, 3, 4, 5}


@pytest.mark.parametrize("coordinates", [(0, 3), (5, 2)])
def test_numbers_of_coordinates_that_make_no_sense_are_refused(coordinates):
    with pytest.raises(InputError, match="coordinates"):
        L1Ball(1.0, coordinates=coordinates)


def test_points_inside_stay_where_one_image_of_the_batch_is_outside():
    S = L1Ball(2.0).at(images(B, 8))
    z = S.start.clone()
    z[0] = 1 - z[0]
    z[1:, 0, 0, 0] = (z[1:, 0, 0, 0] + 0.3).clamp(max=1)
    p = S.project(z)
    assert torch.equal(p[1:], z[1:])
    assert not torch.equal(p[0], z[0])
    torch.testing.assert_close(S.distance(p)[0], torch.tensor(2.0, dtype=p.dtype))
