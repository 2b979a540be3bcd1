"""Rows under noise: both twins against the formulas, their distribution, and words at the edges."""

import math

import pytest
import torch
from scipy import stats

from hauberk.concepts.noise import Noise
from hauberk.kernels import noise as kernel
from hauberk.kernels.noise import with_gaussian, with_uniform
from hauberk.kernels.rows import COMPILED
from hauberk.kernels.splitmix import GOLDEN, MIX_1, MIX_2, mixed

WORDS = 1 << 64
both = pytest.mark.usefixtures("twin")
draws = pytest.mark.parametrize("draw", [with_gaussian, with_uniform], ids=["gaussian", "uniform"])
halves = pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
LAW = {with_gaussian: stats.norm(), with_uniform: stats.uniform(-1, 2)}
MOMENTS = {with_gaussian: (1, 3, 15, 105), with_uniform: (1 / 3, 1 / 5, 1 / 7, 1 / 9)}
"""Of second, fourth, sixth and eighth order."""


@pytest.fixture(params=["compiled", "plain"])
def twin(request, monkeypatch):
    if request.param == "compiled" and not COMPILED:
        pytest.skip("without numba the plain twin is all there is to test")
    monkeypatch.setattr(kernel, "COMPILED", request.param == "compiled")


def keys(count, seed=0):
    return Noise.of(seed, torch.arange(count)).keys


def numbers(draw, count, d, scale=1.0, dtype=torch.float32, seed=0):
    """Return noise alone."""
    return draw(torch.zeros(1, d, dtype=dtype), torch.zeros(count, dtype=torch.int64), keys(count, seed), scale)


def unscrambled(word):
    """Return the number that SplitMix64 scrambles to a word: every step undone, the last one first."""
    word ^= (word >> 31) ^ (word >> 62)
    word = word * pow(MIX_2, -1, WORDS) % WORDS
    word ^= (word >> 27) ^ (word >> 54)
    word = word * pow(MIX_1, -1, WORDS) % WORDS
    return word ^ (word >> 30) ^ (word >> 60)


def signed(word):
    return word - WORDS if word >= WORDS // 2 else word


def key_of(high, low):
    """Return the key whose first word has these upper 31 and lower 32 bits."""
    return signed((unscrambled(high << 33 | low) - GOLDEN) % WORDS)


EDGES = [0, 1, 2**29 - 1, 2**29, 2**30 - 1, 2**30, 3 * 2**29 - 1, 3 * 2**29, 2**31 - 1, 2**31, 5 * 2**29, 3 * 2**30]
EDGES += [7 * 2**29 - 1, 7 * 2**29, 2**32 - 1]
HIGHS = [0, 1, 5, 2**20, 2**30 - 1, 2**30, 1518500249, 1518500250, 2**31 - 129, 2**31 - 128, 2**31 - 65, 2**31 - 1]


def edge_keys():
    pairs = [(high, low) for high in HIGHS for low in EDGES]
    found = torch.tensor([key_of(*pair) for pair in pairs])
    words = mixed(found + GOLDEN).tolist()
    assert [(word % WORDS >> 33, word % 2**32) for word in words] == pairs
    return pairs, found


@both
def test_words_at_the_edges_give_the_formulas_numbers_and_never_nan():
    pairs, found = edge_keys()
    image = torch.zeros(len(pairs), dtype=torch.int64)
    gaussian, uniform = (draw(torch.zeros(1, 2), image, found, 1.0) for draw in (with_gaussian, with_uniform))
    for (high, low), normal, flat in zip(pairs, gaussian.tolist(), uniform.tolist(), strict=True):
        share = torch.tensor(high + 0.5).item() * 2.0**-31  # the word as float32 holds it
        size, angle = math.sqrt(-2 * math.log(share)), low * math.pi * 2.0**-31
        assert normal == pytest.approx((size * math.cos(angle), size * math.sin(angle)), abs=2e-6)
        assert flat == pytest.approx(((high + 0.5) * 2.0**-30 - 1, ((low >> 1) + 0.5) * 2.0**-30 - 1), abs=2e-7)
    assert gaussian.abs().max() == pytest.approx(6.6604, abs=1e-4)
    assert uniform.abs().max() <= 1


@draws
@pytest.mark.parametrize("d", [1, 2, 3, 1023, 1024, 1025, 2050])
def test_twins_agree_for_odd_and_tiny_sizes_and_beyond_a_table(draw, d, monkeypatch):
    generator = torch.Generator().manual_seed(d)
    x, image = torch.randn(5, d, generator=generator), torch.randint(5, (37,), generator=generator)
    found = draw(x, image, keys(37), 0.25)
    monkeypatch.setattr(kernel, "COMPILED", False)
    plain, double = draw(x, image, keys(37), 0.25), draw(x.double(), image, keys(37), 0.25)
    torch.testing.assert_close(found, plain, rtol=0, atol=0.25 * 2e-6 + 5e-7)
    torch.testing.assert_close(found.double(), double, rtol=0, atol=0.25 * 2e-6 + 5e-7)
    assert found.shape == (37, d)


@both
@draws
def test_a_rows_numbers_depend_on_its_key_and_their_place_alone(draw):
    x, found = torch.randn(3, 7), keys(50)
    image = torch.arange(50) % 3
    whole = draw(x, image, found, 0.5)
    for rows in (torch.tensor([49]), torch.tensor([3, 3, 17]), torch.arange(50).flip(0)):
        assert torch.equal(draw(x, image[rows], found[rows], 0.5), whole[rows])
    assert torch.equal(draw(x[image[rows]], torch.arange(50), found[rows], 0.5), whole[rows])
    assert torch.equal(draw(x, image[:0], found[:0], 0.5), x[:0])


@both
@draws
def test_threads_and_strides_change_nothing(draw):
    wide, found = torch.randn(33, 2 * 4), keys(4001)
    x, image = wide.T[::2], torch.arange(4001) % 4
    alone = draw(x.contiguous(), image, found, 0.5)
    assert not x.is_contiguous()
    assert torch.equal(draw(x, image, found, 0.5), alone)
    assert torch.equal(draw(x, image[::2], found[::2], 0.5), alone[::2])
    torch.set_num_threads(3)
    try:
        assert torch.equal(draw(x, image, found, 0.5), alone)
    finally:
        torch.set_num_threads(1)


@both
@draws
def test_inputs_stay_as_they_are_in_inference_mode_too(draw):
    x = torch.randn(2, 6)
    before, swapped = x.clone(), torch.tensor([1, 0])
    found = draw(x, swapped, keys(2), 0.5)
    with torch.inference_mode():
        assert torch.equal(draw(x.clone(), swapped, keys(2), 0.5), found)
    assert torch.equal(x, before)


@draws
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_numbers_follow_their_law(draw, dtype):
    found = numbers(draw, 1000, 301, dtype=dtype)
    assert found.dtype == dtype
    whole = found.double().flatten()
    for part in (whole, found[:, 0], found[:, 150], found[:, 151], found[:, 300], found[7]):
        assert stats.kstest(part.double().numpy(), LAW[draw].cdf).pvalue > 1e-4
    moments = MOMENTS[draw]
    assert abs(whole.mean()) < 5 * (moments[0] / len(whole)) ** 0.5
    for order, (moment, square) in ((2, (moments[0], moments[1])), (4, (moments[1], moments[3]))):
        assert abs((whole**order).mean() - moment) < 5 * ((square - moment**2) / len(whole)) ** 0.5
    assert abs((whole**3).mean()) < 5 * (moments[2] / len(whole)) ** 0.5


@draws
@pytest.mark.parametrize("power", [1, 2])
def test_rows_and_places_are_independent(draw, power):
    """The two numbers of a pair stand half a row apart; their squares too must be uncorrelated."""
    found = numbers(draw, 4000, 60, dtype=torch.float64) ** power
    for table in (found, numbers(draw, 60, 4000, dtype=torch.float64, seed=3).T ** power):
        standard = (table - table.mean(0)) / table.std(0)
        correlations = standard.T @ standard / len(table) - torch.eye(table.shape[1])
        assert correlations.abs().max() < 6 / len(table) ** 0.5


@both
@draws
@pytest.mark.parametrize("scale", [1e-30, 1e-5, 1e5, 1e30])
def test_extreme_scales_are_scales(draw, scale):
    found, unit = numbers(draw, 40, 33, scale), numbers(draw, 40, 33)
    torch.testing.assert_close(found.double() / scale, unit.double(), rtol=1e-6, atol=1e-6)


@both
@draws
def test_scales_that_float32_cannot_hold_never_give_numbers_that_pass_for_noise(draw):
    assert not numbers(draw, 4, 5, 1e39).isfinite().any()
    assert (numbers(draw, 4, 5, 1e-60) == 0).all()


@both
@draws
@pytest.mark.parametrize("bad", [torch.nan, torch.inf, -torch.inf])
def test_what_is_not_finite_stays_so(draw, bad):
    x = torch.tensor([[1.0, bad, 2.0]])
    found = draw(x, torch.zeros(9, dtype=torch.int64), keys(9), 0.5)
    assert torch.equal(found.isfinite(), torch.tensor([[True, False, True]]).expand(9, 3))


@draws
@halves
def test_half_precision_rounds_the_numbers_of_float32(draw, dtype):
    found, exact = numbers(draw, 300, 60, dtype=dtype), numbers(draw, 300, 60)
    assert found.dtype == dtype
    torch.testing.assert_close(found.float(), exact, rtol=torch.finfo(dtype).eps, atol=1e-4)
    assert stats.kstest(found.double().flatten().numpy(), LAW[draw].cdf).statistic < 0.02
