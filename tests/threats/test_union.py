"""Unions of threats."""

import pytest
import torch

from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet, ThreatModel
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.threats import GivenBox, L1Ball, L2Ball, LinfBall, Union
from hauberk.threats.linf_ball import LinfSet
from laws.networks import SHAPE, images

B = 5
NOISE = Noise.of(0, torch.arange(B))
DTYPE = torch.float64
PARTS = [LinfBall(0.1), L2Ball(0.25), L1Ball(0.6, None)]


def directions(seed, k):
    return torch.randn(B, k, *SHAPE, generator=torch.Generator().manual_seed(seed), dtype=DTYPE)


def sets(seed=0):
    x = images(B, seed)
    return Union(PARTS).at(x), [threat.at(x) for threat in PARTS]


def test_support_box_and_membership_are_those_of_the_members():
    S, members = sets()
    c = directions(0, 8) * torch.tensor([1.0, 0.1]).repeat(4).view(1, 8, 1, 1, 1)
    c[:, 1::2, 0, 0, 0] += 3.0
    support = torch.stack([member.support_function(c) for member in members])
    assert torch.equal(S.support_function(c), support.amax(0))
    assert len(support.argmax(0).unique()) > 1
    boxes = [member.bounding_box() for member in members]
    assert torch.equal(S.bounding_box().lower, torch.stack([box.lower for box in boxes]).amin(0))
    assert torch.equal(S.bounding_box().upper, torch.stack([box.upper for box in boxes]).amax(0))
    z = S.start + 0.06 * directions(1, 1)[:, 0]
    inside = torch.stack([member.contains(z) for member in members])
    assert torch.equal(S.contains(z), inside.any(0))


def test_the_projection_is_the_nearest_of_the_members():
    S, members = sets(1)
    z = S.start + torch.tensor([0.02, 0.1, 0.5, 3.0, 50.0], dtype=DTYPE).view(-1, 1, 1, 1) * directions(2, 1)[:, 0]
    found = (S.project(z) - z).flatten(1).norm(dim=1)
    each = torch.stack([(member.project(z) - z).flatten(1).norm(dim=1) for member in members])
    assert torch.equal(found, each.amin(0))


def test_a_step_is_the_most_promising_of_the_members_own():
    S, members = sets(2)
    gradient = directions(3, 1)[:, 0]
    gradient[:2] = 0.01 * gradient[:2]
    gradient[:2, 0, 0, 0] = torch.where(S.start[:2, 0, 0, 0] > 0.5, -5.0, 5.0)
    share = torch.tensor([0.3, 1.0, 0.3, 1.0, 0.1], dtype=DTYPE)
    z = S.steepest_step(S.start, gradient, share * S.radius, NOISE)
    each = [
        member.project(member.steepest_step(member.start, gradient, share * member.radius, NOISE)) for member in members
    ]
    gains = torch.stack([((point - S.start) * gradient).flatten(1).sum(1) for point in each])
    assert torch.equal(((z - S.start) * gradient).flatten(1).sum(1), gains.amax(0))
    assert len(gains.argmax(0).unique()) > 1
    assert S.contains(z).all()


def test_samples_come_from_every_member():
    x = images(1, 3).expand(300, *SHAPE).contiguous()
    z = Union([LinfBall(0.2), L2Ball(0.0), L1Ball(0.01, None)]).at(x).sample(Noise.of(0, torch.arange(300)))
    far, still = (z - x).flatten(1).abs().sum(1) > 0.1, (z == x).flatten(1).all(1)
    for part in (far, still, ~far & ~still):
        assert 60 < part.sum() < 140


def test_radius_eps_and_name_are_the_members():
    x = images(B, 4)
    assert torch.equal(Union(PARTS).at(x).radius, torch.full((B,), 0.6, dtype=DTYPE))
    assert Union(PARTS).eps == 0.6
    assert Union(PARTS).name == "linf eps 0.1 or l2 eps 0.25 or l1 eps 0.6"
    each = torch.linspace(0.0, 1.0, B, dtype=DTYPE)
    mixed = Union([L2Ball(0.3), L1Ball(each)])
    assert torch.equal(mixed.eps, each.clamp(min=0.3))
    assert torch.equal(mixed.at(x).radius, each.clamp(min=0.3))


def test_threats_of_one_name_are_all_kept():
    x = torch.full((B, *SHAPE), 0.5, dtype=DTYPE)
    S = Union([GivenBox(x - 0.1, x), GivenBox(x, x + 0.1)]).at(x)
    assert S.contains(x - 0.05).all()
    assert S.contains(x + 0.05).all()
    mixed = x.clone()
    mixed[:, 0, 0, 0], mixed[:, 0, 0, 1] = 0.45, 0.55
    assert not S.contains(mixed).any()


def test_a_union_of_nothing_is_refused():
    with pytest.raises(InputError, match="at least one"):
        Union([])


def test_threats_without_a_support_function_are_named():
    class Bare(PerturbationSet):
        select = project = steepest_step = sample = contains = LinfSet.project

    class Rotation(ThreatModel):
        name, eps = "rotation", 0.0

        def at(self, x):
            return Bare()

        def scaled(self, factor):
            return self

    with pytest.raises(UnsupportedSetError, match="there is none for rotation"):
        Union([L2Ball(0.1), Rotation()]).at(images(B, 5))
