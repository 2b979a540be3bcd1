"""Combinations of attacks, some of which do not apply."""

from dataclasses import dataclass

import pytest
import torch

from hauberk.attacks import FGSM, PGD, EachMember, Square, Strongest, WorstOf
from hauberk.concepts.attack import Attack
from hauberk.concepts.noise import Noise
from hauberk.errors import HauberkError, InputError, PartWarning, ShapeError, UnsupportedOpError, UnsupportedSetError
from hauberk.losses import Margin
from hauberk.threats import L1Ball, LinfBall, Union
from laws.networks import images, network

B = 12
NOISE = Noise.of(0, torch.arange(B))


@dataclass(frozen=True)
class Refusing(Attack):
    error: type[HauberkError] = UnsupportedSetError

    def __call__(self, network, S, y, *, noise):
        raise self.error("not here")


@dataclass(frozen=True)
class LinfOnly(Attack):
    attack: Attack

    def __call__(self, network, S, y, *, noise):
        if getattr(S, "p", None) != torch.inf:
            raise UnsupportedSetError("l_inf only")
        return self.attack(network, S, y, noise=noise)


def case(threat):
    graph, x = network("dense", 3), images(B, 3)
    return graph, threat.at(x), graph(x).argmax(1)


FORMS = [
    lambda parts: Strongest({f"part {number}": part for number, part in enumerate(parts)}),
    lambda parts: WorstOf(parts, Margin()),
]


@pytest.mark.parametrize("combined", FORMS)
@pytest.mark.parametrize("error", [UnsupportedSetError, UnsupportedOpError, ShapeError])
def test_a_part_that_does_not_apply_is_left_out_by_name_and_the_others_count(combined, error):
    graph, S, y = case(LinfBall(0.05))
    for parts in ([Refusing(error), FGSM(Margin())], [FGSM(Margin()), Refusing(error)]):
        with pytest.warns(PartWarning, match="left out: not here"):
            z = combined(parts)(graph, S, y, noise=NOISE)
        alone = FGSM(Margin())(graph, S, y, noise=NOISE)
        assert torch.equal(z, alone)
        assert (graph(z).argmax(1) != y).any()


@pytest.mark.parametrize("combined", [*FORMS, lambda parts: EachMember(parts[0])])
def test_where_no_part_applies_the_first_refusal_is_raised_and_nothing_is_said_to_be_left_out(combined, recwarn):
    graph, S, y = case(LinfBall(0.05))
    with pytest.raises(ShapeError, match="not here"):
        combined([Refusing(ShapeError), Refusing(UnsupportedSetError)])(graph, S, y, noise=NOISE)
    assert not [one for one in recwarn if one.category is PartWarning]


def test_other_errors_are_not_taken_for_refusals():
    graph, S, y = case(LinfBall(0.05))
    with pytest.raises(InputError):
        Strongest({"bad": Refusing(InputError), "good": FGSM(Margin())})(graph, S, y, noise=NOISE)


def test_members_of_a_union_that_the_attack_is_not_for_are_left_out():
    graph, S, y = case(Union([L1Ball(1.0), LinfBall(0.05)]))
    inner = PGD(Margin(), 3, 0.5)
    with pytest.warns(PartWarning, match="member 0 is left out: l_inf only"):
        z = EachMember(LinfOnly(inner))(graph, S, y, noise=NOISE)
    assert torch.equal(graph(z).argmax(1), graph(inner(graph, S.members[1], y, noise=NOISE)).argmax(1))


def test_a_member_of_a_union_is_attacked_as_it_would_be_alone():
    graph, S, y = case(Union([L1Ball(1.0), LinfBall(0.05)]))
    inner = PGD(Margin(), 3, 0.5)
    z = EachMember(inner)(graph, S, y, noise=NOISE)
    found = graph(z).argmax(1) != y
    for member in S.members:
        assert (found | (graph(inner(graph, member, y, noise=NOISE)).argmax(1) == y)).all()


def test_what_is_left_for_no_part_is_not_said_to_be_left_out(recwarn):
    graph, S, y = case(LinfBall(0.05))
    Strongest({"all": FGSM(Margin()), "square": Square(Margin())})(graph, S, (y + 1) % 4, noise=NOISE)
    assert not [one for one in recwarn if one.category is PartWarning]
