"""Random streams: uniform, independent, and a matter of the example alone."""

import pytest
import torch
from scipy import stats

from hauberk.concepts.noise import Noise

EXAMPLES = torch.arange(200)


def uniform(seed=0, dtype=torch.float64, shape=(500,)):
    return Noise.of(seed, EXAMPLES).uniform(shape, dtype)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_numbers_of_half_precision_are_uniform_in_the_open_interval_and_normal(dtype):
    u, z = uniform(dtype=dtype), Noise.of(0, EXAMPLES).normal((500,), dtype)
    assert u.dtype == z.dtype == dtype
    assert u.min() > 0
    assert u.max() < 1
    spacing = torch.finfo(dtype).eps
    assert stats.kstest(u.flatten().double().numpy(), "uniform").statistic < spacing + 2 / 500**0.5 / 200**0.5
    assert stats.kstest(z.flatten().double().numpy(), "norm").statistic < spacing + 2 / 500**0.5 / 200**0.5


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("seed", [0, 1, 123456789])
def test_numbers_are_uniform_in_the_open_unit_interval(seed, dtype):
    u = uniform(seed, dtype)
    assert u.dtype == dtype
    assert u.min() > 0
    assert u.max() < 1
    assert stats.kstest(u.flatten().double().numpy(), "uniform").pvalue > 1e-3
    assert stats.kstest(u[:, 0].double().numpy(), "uniform").pvalue > 1e-3
    assert stats.kstest(u[0].double().numpy(), "uniform").pvalue > 1e-3


def test_normal_numbers_are_standard_normal():
    z = Noise.of(3, EXAMPLES).normal((500,), torch.float64)
    assert stats.kstest(z.flatten().numpy(), "norm").pvalue > 1e-3


def pairs_are_independent(a, b):
    """A chi-squared test over a grid of 10 x 10 cells."""
    counts, *_ = torch.histogramdd(torch.stack([a.flatten(), b.flatten()], 1), 10, range=[0.0, 1.0] * 2)
    return stats.chisquare(counts.flatten().numpy()).pvalue > 1e-3


def test_streams_of_folds_seeds_examples_and_positions_are_independent():
    noise = Noise.of(0, EXAMPLES)
    first = noise.uniform((500,), torch.float64)
    assert pairs_are_independent(first, noise.fold(0).uniform((500,), torch.float64))
    assert pairs_are_independent(
        noise.fold(0).uniform((500,), torch.float64), noise.fold(1).uniform((500,), torch.float64)
    )
    assert pairs_are_independent(
        noise.fold(1).fold(2).uniform((500,), torch.float64), noise.fold(2).fold(1).uniform((500,), torch.float64)
    )
    assert pairs_are_independent(first, uniform(1))
    assert pairs_are_independent(first[:-1], first[1:])
    assert pairs_are_independent(first[:, :-1], first[:, 1:])


def test_no_two_streams_share_a_key():
    noise = Noise.of(0, torch.arange(3000))
    keys = (
        [noise.keys]
        + [noise.fold(n).keys for n in range(5)]
        + [Noise.of(s, torch.arange(3000)).keys for s in (1, 2, -1)]
    )
    assert len(torch.cat(keys).unique()) == 9 * 3000


def test_select_keeps_every_examples_numbers():
    noise = Noise.of(5, EXAMPLES)
    index = torch.tensor([199, 0, 17])
    assert torch.equal(noise.select(index).uniform((4,)), noise.uniform((4,))[index])
    assert torch.equal(noise.select(index).fold(3).normal((2, 2)), noise.fold(3).normal((2, 2))[index])
    assert torch.equal(Noise.of(5, index).uniform((4,)), noise.uniform((4,))[index])


def test_drawing_twice_gives_the_same_numbers_and_leaves_torchs_generator_alone():
    state = torch.random.get_rng_state()
    noise = Noise.of(5, EXAMPLES)
    assert torch.equal(noise.uniform((3,)), noise.uniform((3,)))
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_longer_draw_begins_with_the_shorter_one():
    noise = Noise.of(5, EXAMPLES)
    assert torch.equal(noise.uniform((2, 3)).flatten(1), noise.uniform((10,))[:, :6])


def test_streams_know_their_examples():
    noise, index = Noise.of(5, EXAMPLES).fold(3), torch.tensor([199, 0, 17])
    assert torch.equal(noise.examples, EXAMPLES)
    assert torch.equal(noise.select(index).fold(1).examples, index)
    assert noise.select(index).common.examples.tolist() == [-1]


def test_one_number_for_each_example():
    assert Noise.of(5, EXAMPLES).uniform(()).shape == (200,)


def test_signs_are_fair_independent_and_those_of_their_examples():
    noise = Noise.of(3, torch.arange(400))
    signs = noise.signs((5, 100), torch.float64)
    assert set(signs.unique().tolist()) == {-1.0, 1.0}
    assert abs(signs.mean()) < 5 / 200_000**0.5
    flat = signs.flatten(1)
    products = flat.T @ flat / 400
    assert (products - torch.eye(500, dtype=torch.float64)).abs().max() < 6 / 20
    torch.testing.assert_close(noise.select(torch.tensor([7])).signs((5, 100)), signs[7:8].float())


def test_repeated_streams_are_new_ones_for_every_copy():
    noise = Noise.of(3, torch.arange(50))
    many = noise.repeated(4)
    assert len(torch.cat([many.keys, noise.keys]).unique()) == 250
    assert many.examples.tolist() == [i for i in range(50) for _ in range(4)]
    assert torch.equal(noise.select(torch.tensor([7])).repeated(4).keys, many.keys[28:32])
