"""The boundary attack."""

from itertools import pairwise

import pytest
import torch

from attacks.searches import DTYPE, Recording, interior, linear, noise
from hauberk.attacks import BlendedNoise, Boundary, SaltAndPepper
from hauberk.attacks.boundary import proposals, record
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.threats import L1Ball, L2Ball

B, SHAPE = 8, (1, 4, 4)
Y = torch.zeros(B, dtype=torch.long)


def test_distances_never_grow_with_steps_and_come_near_the_hyperplane():
    module, normal = linear(SHAPE, 1, 1.0)
    S = L2Ball(0.1).at(interior(B, SHAPE, 1))
    distances = []
    for steps in (1, 2, 5, 300):
        attack = Boundary(BlendedNoise(200), steps, 0.1, 0.1)
        z = attack(module, S, Y, noise=noise(B))
        found = z.ne(S.start).flatten(1).any(1)
        assert (module(z[found]).argmax(1) == 1).all()
        assert ((z >= 0) & (z <= 1)).all()
        distances.append(S.distance(z))
    assert found.sum() >= 4
    for before, after in pairwise(distances):
        assert (after <= before).all()
    logits = module(S.start)
    exact = (logits[:, 0] - logits[:, 1]) / normal.norm()
    assert (distances[-1][found] >= exact[found]).all()
    first, last = ((distance / exact)[found & (exact > 0)].mean() for distance in (distances[0], distances[-1]))
    assert last < 2 < 3.5 < first


def test_proposals_lie_on_the_sphere_and_inside_it():
    S = L2Ball(0.1, None).at(interior(B, SHAPE, 2))
    z = S.start + torch.randn(S.start.shape, generator=torch.Generator().manual_seed(1), dtype=DTYPE)
    distance, sphere, inwards = (
        S.distance(z),
        torch.linspace(0.01, 0.5, B, dtype=DTYPE),
        torch.full((B,), 0.1, dtype=DTYPE),
    )
    beside, candidate = proposals(S, z, distance, sphere, inwards, noise(B))
    torch.testing.assert_close(S.distance(beside), distance, rtol=1e-12, atol=0)
    torch.testing.assert_close(S.distance(candidate), 0.9 * distance, rtol=1e-12, atol=0)
    cosine = ((beside - S.start) * (z - S.start)).flatten(1).sum(1) / distance.square()
    torch.testing.assert_close(cosine, 1 / (1 + sphere.square()).sqrt(), rtol=1e-12, atol=0)


def test_what_clamping_takes_is_a_part_of_the_step():
    S = L2Ball(0.1).at(interior(B, SHAPE, 2))
    z = (S.start + torch.randn(S.start.shape, generator=torch.Generator().manual_seed(1), dtype=DTYPE)).clamp(0, 1)
    distance, step = S.distance(z), torch.full((B,), 0.3, dtype=DTYPE)
    beside, candidate = proposals(S, z, distance, step, step, noise(B))
    assert (S.distance(beside) < 0.999 * distance).any()
    torch.testing.assert_close(S.distance(candidate), torch.minimum(0.7 * distance, S.distance(beside)))


def test_steps_change_after_as_many_outcomes_as_the_window_holds():
    outcomes, seen = torch.zeros(3, 4, dtype=torch.bool), torch.zeros(3, dtype=torch.long)
    factors = []
    for turn in range(8):
        outcome = torch.tensor([True, False, turn % 2 == 0])
        factor, seen = record(outcomes, seen, outcome, turn, (4, 0.2, 0.5))
        factors.append(factor)
    expected = torch.ones(8, 3)
    expected[[3, 7], 0], expected[[3, 7], 1] = 1.5, 1 / 1.5
    assert torch.equal(torch.stack(factors), expected)


def test_a_walk_ends_where_nothing_is_found_or_to_be_found_or_enough():
    module, _ = linear(SHAPE, 3, 1e3)
    x = interior(B, SHAPE, 3)
    network = Recording(module)
    z = Boundary(BlendedNoise(3), 20)(network, L2Ball(0.1).at(x), Y, noise=noise(B))
    assert torch.equal(z, x)
    assert len(network.shown) == 4
    network = Recording(module)
    assert torch.equal(Boundary(BlendedNoise(3), 20)(network, L2Ball(0.1).at(x), Y + 1, noise=noise(B)), x)
    assert len(network.shown) == 1
    module, _ = linear(SHAPE, 3, 0.5)
    S, network = L2Ball(10.0).at(x), Recording(module)
    z = Boundary(SaltAndPepper(30), 20)(network, S, Y, noise=noise(B), enough=True)
    assert (module(z).argmax(1) == 1).all()
    assert len(network.shown) <= 31


def test_it_stops_when_its_steps_have_become_tiny():
    module, _ = linear(SHAPE, 4, 0.5)
    network = Recording(module)
    S = L2Ball(0.1).at(interior(B, SHAPE, 4))
    Boundary(SaltAndPepper(30), 100, 5.0, 1.2e-7)(network, S, Y, noise=noise(B))
    assert len(network.shown) == 31 + 100 + 10
    network = Recording(module)
    Boundary(SaltAndPepper(30), 100, 5.0, 0.9e-7)(network, S, Y, noise=noise(B))
    assert len(network.shown) == 31


def test_what_it_cannot_do_is_refused():
    module, _ = linear(SHAPE, 0, 1.0)
    with pytest.raises(UnsupportedSetError, match=r"Boundary is defined for balls in the l_2 norm.*p = 1"):
        Boundary(BlendedNoise())(module, L1Ball(0.1).at(interior(B, SHAPE, 1)), Y, noise=noise(B))
    for argument in ("steps", "sphere", "inwards"):
        with pytest.raises(InputError, match=f"Boundary needs {argument} to be"):
            Boundary(BlendedNoise(), **{argument: 0})
