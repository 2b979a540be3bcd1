"""What of an attack's answer is believed: members, mistakes, and distances rounded up."""

from math import inf, nan

import pytest
import torch
from torch import nn

from hauberk.concepts.attack import Attack, MinimumDistanceAttack
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import HauberkError, UnsupportedOpError
from hauberk.evaluation.answers import Outcome, answered, checked, distances
from hauberk.evaluation.rounding import finite_or_null
from hauberk.threats import GivenBox, L1Ball, L2Ball, LinfBall, Union

Y = torch.zeros(4, dtype=torch.long)
X = torch.tensor([[0.2, 0.3], [0.7, 0.1], [0.5, 0.5], [0.9, 0.4]])


def subject():
    """Return a network that says 1 where the first pixel exceeds the second."""
    module = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    return NetworkSubject(module, UnsupportedOpError("not captured"))


@pytest.mark.parametrize(("threat", "p"), [(LinfBall(0.3), inf), (L2Ball(0.3), 2), (L1Ball(0.3), 1)], ids=str)
def test_written_distances_are_the_smallest_numbers_not_below_the_exact_ones(threat, p):
    generator = torch.Generator().manual_seed(0)
    x, z = torch.rand(2, 64, 7, generator=generator, dtype=torch.float64)
    x, z = (0.01 * x).float(), (0.5 + 0.5 * z).float()
    found = distances(threat.at(x), z, torch.ones(64, dtype=torch.bool))
    exact = torch.linalg.vector_norm(z.double() - x.double(), p, dim=1)
    assert found.dtype == torch.float32
    assert (found.double() >= exact * (1 - 1e-15)).all()
    assert (found.nextafter(torch.tensor(-inf)).double() < exact * (1 + 1e-15)).all()
    assert (exact.float().double() < exact).any(), "rounding to the nearest would fall short of some"


def test_only_mistakes_within_the_range_have_a_distance():
    S = LinfBall(0.1).at(X)
    z = X + torch.tensor([[0.5, 0.0], [0.0, 0.25], [0.6, 0.0], [0.0, -0.5]])
    found = distances(S, z, torch.tensor([True, False, True, True]))
    assert found[:1].tolist() == pytest.approx([0.5])
    assert found[1:].tolist() == [inf, inf, inf], "right, above the range, below it"
    z = torch.tensor([[0.0, 1.0]] * 4)
    assert distances(S, z, torch.ones(4, dtype=torch.bool)).isfinite().all(), "the ends belong to the range"
    unlimited = LinfBall(0.1, within=None).at(X)
    assert distances(unlimited, X + 3, torch.ones(4, dtype=torch.bool)).tolist() == pytest.approx([3.0] * 4)


def test_sets_without_a_norm_have_no_distances_but_members_that_break():
    sets: list[tuple[ThreatModel, list[float]]] = [
        (Union([LinfBall(0.4), L2Ball(0.4)]), [inf] * 4),
        (GivenBox(X - 0.4, X + 0.4), [0.3] * 4),  # a box has a norm of its own
    ]
    for threat, distance in sets:
        S = threat.at(X)
        z = S.project(X + torch.tensor([0.3, -0.3]))
        answers = checked(subject(), S, Y, z)
        assert answers.member.all()
        assert torch.equal(answers.broken, z[:, 0] > z[:, 1])
        assert answers.broken.any()
        assert answers.distance.tolist() == pytest.approx(distance)


def test_broken_are_members_that_are_finite_and_wrong():
    S = LinfBall(0.25).at(X)
    z = X.clone()
    z[0] = torch.tensor([0.45, 0.3])  # a member, wrong
    z[1] = torch.tensor([0.5, 0.6])  # right, no member
    z[2] = torch.tensor([1.0, 0.5])  # wrong, no member
    z[3] = nan
    answers = checked(subject(), S, Y, z)
    assert answers.member.tolist() == [True, False, False, False]
    assert answers.broken.tolist() == [True, False, False, False]
    assert answers.distance[:3].tolist() == pytest.approx([0.25, inf, 0.5])
    assert answers.distance[3] == inf


class Answering(Attack):
    def __init__(self, z):
        self.z = z

    def __call__(self, network, S, y, *, noise):
        return self.z


class Nearing(MinimumDistanceAttack):
    def __init__(self, z):
        self.z, self.asked = z, []

    def __call__(self, network, S, y, *, noise, enough=False):
        self.asked.append(enough)
        return self.z


def answer(attack, S, enough=False):
    given = subject(), S, Y, torch.tensor([7, 8, 9, 10]), Noise.of(0, torch.arange(4))
    return answered("odd", attack, *given, enough)


def test_an_answer_outside_names_its_example_and_one_of_another_shape_both_shapes():
    S, z = LinfBall(0.25).at(X), X.clone()
    z[2, 0] += 0.26
    with pytest.raises(HauberkError, match=r"odd answered example 9 .*outside"):
        answer(Answering(z), S)
    with pytest.raises(HauberkError, match=r"\(4, 1\), not \(4, 2\)"):
        answer(Answering(z[:, :1]), S)
    near = Nearing(z)
    assert answer(near, S).member.tolist() == [True, True, False, True]
    answer(near, S, enough=True)
    assert near.asked == [False, True]
    assert not answer(Answering(X.clone().requires_grad_()), S).z.requires_grad


def test_an_outcome_knows_what_was_tried_and_the_nearest_point():
    outcome = Outcome.blank(Y)
    assert outcome.columns() == ([None] * 4, [None] * 4)
    outcome.note(torch.tensor([2, 0]), torch.tensor([True, False]), torch.tensor([0.5, inf]))
    outcome.note(torch.tensor([2]), torch.tensor([True]), torch.tensor([0.75]))
    outcome.note(torch.tensor([0]), torch.tensor([True]), torch.tensor([0.25]))
    assert outcome.columns() == ([True, None, True, None], [0.25, None, 0.5, None])
    assert finite_or_null(torch.tensor([-inf, 1.0, inf, nan])) == [None, 1.0, None, None]
