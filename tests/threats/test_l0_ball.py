import itertools

import pytest
import torch

from hauberk.concepts.noise import Noise
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.threats import L0Ball
from laws.networks import images

B, N, K = 6, 6, 3
NOISE = Noise.of(0, torch.arange(B))


def case(seed=0, k=K):
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(B, N, generator=generator, dtype=torch.float64)
    return L0Ball(k).at(x), 2 * torch.randn(B, N, generator=generator, dtype=torch.float64)


def subsets(k):
    return [torch.tensor([i in chosen for i in range(N)]) for chosen in itertools.combinations(range(N), k)]


@pytest.mark.parametrize("seed", range(4))
def test_projection_is_the_best_of_all_choices_of_coordinates(seed):
    S, z = case(seed)
    found = (S.project(z) - z).norm(dim=1)
    every = torch.stack([(torch.where(m, z.clamp(0, 1), S.start) - z).norm(dim=1) for m in subsets(K)])
    torch.testing.assert_close(found, every.amin(0))


@pytest.mark.parametrize("seed", range(4))
def test_the_support_function_is_the_best_of_all_choices_and_corners(seed):
    S, c = case(seed)
    ends = torch.where(c > 0, 1.0, 0.0)
    every = torch.stack([(c * torch.where(m, ends, S.start)).sum(1) for m in subsets(K)])
    torch.testing.assert_close(S.support_function(c.unsqueeze(1))[:, 0], every.amax(0))


@pytest.mark.parametrize("length", [0.2, 1.0, 2.0])
def test_steps_stay_in_the_set_and_end_at_the_support_function_from_anywhere(length):
    S, c = case(7)
    for z in (S.start, S.sample(NOISE)):
        for _ in range(12):
            z = S.steepest_step(z, c, torch.full((B,), length, dtype=z.dtype), NOISE)
            assert S.contains(z).all()
        torch.testing.assert_close((c * z).sum(1), S.support_function(c.unsqueeze(1))[:, 0])


def test_a_step_moves_as_many_coordinates_as_it_is_long_and_at_least_one():
    S, c = case(8)
    for length, most in ((0.2, 1), (2.0, 2), (9.0, K)):
        z = S.steepest_step(S.start, c, torch.full((B,), length, dtype=c.dtype), NOISE)
        assert (S.distance(z) <= most).all()
        assert (S.distance(z) == most).any()


def test_samples_change_as_many_coordinates_as_they_may():
    S = L0Ball(5).at(images(B, 1))
    assert (S.distance(S.sample(NOISE)) == 5).all()


def test_a_fraction_of_a_coordinate_is_none():
    S = L0Ball(3.9).at(images(B, 1))
    z = S.start.clone()
    z.flatten(1)[:, :4] = 1 - z.flatten(1)[:, :4]
    assert not S.contains(z).any()
    z.flatten(1)[:, :1] = S.start.flatten(1)[:, :1]
    assert S.contains(z).all()


def test_a_hyperplane_is_met_with_as_few_coordinates_as_any_choice_has():
    S, w = case(9)
    offset = (w * S.start).sum(1) + 0.6 * w.abs().sum(1)
    reached = S.meet(S.start, w, offset)
    ends = torch.where(w > 0, 1.0, 0.0)
    for i in range(B):
        gains = (w * (ends - S.start))[i].sort(descending=True).values.cumsum(0)
        need = (offset - (w * S.start).sum(1))[i]
        assert S.distance(reached)[i] == min(int((gains < need).sum()) + 1, N)


def test_without_a_range_or_a_dual_norm_it_refuses():
    with pytest.raises(InputError, match="range"):
        L0Ball(3, within=None)
    S, w = case()
    with pytest.raises(UnsupportedSetError, match="dual norm"):
        S.dual_vector(w)
