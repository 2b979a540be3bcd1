import pytest
import torch

from hauberk.attacks import FGSM
from hauberk.concepts.attack import Attack
from hauberk.concepts.bounder import Bounder
from hauberk.errors import InputError
from hauberk.losses import CrossEntropy
from hauberk.presets.named import ATTACKS, BOUNDERS, NORMS, called, threat_of
from hauberk.threats import L2Ball, LinfBall


@pytest.mark.parametrize("name", BOUNDERS)
def test_a_bounder_by_name_certifies(name):
    assert called("by", name.upper(), Bounder, BOUNDERS).certifies


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_by_name_is_one(name):
    assert isinstance(called("by", name, Attack, ATTACKS), Attack)


def test_an_object_stands_for_itself():
    given = FGSM(CrossEntropy())
    assert called("by", given, Attack, ATTACKS) is given


@pytest.mark.parametrize("given", ["autoatack", 3, None, FGSM, LinfBall(0.1)])
def test_anything_else_is_refused_with_the_names(given):
    with pytest.raises(InputError, match="by is one of autoattack, "):
        called("by", given, Attack, ATTACKS)


@pytest.mark.parametrize(("norm", "cls"), NORMS.items())
def test_a_norm_and_a_radius_are_a_threat(norm, cls):
    found = threat_of(None, "1/8", norm.upper(), (0.0, 1.0))
    assert type(found) is cls
    assert found.eps == 0.125


def test_ways_to_write_a_norm():
    assert isinstance(threat_of(None, 0.1, "L_2", None), L2Ball)
    assert threat_of(None, 0.1, "Linf", (-1.0, 1.0)).within == (-1.0, 1.0)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((LinfBall(0.1), 0.1, "linf", None), "either threat or eps"),
        ((None, None, "linf", None), "how large"),
        ((None, 0.1, "l3", None), "'l3'"),
        ((None, 0.1, 2, None), "norm is one of"),
        ((None, "8/0", "linf", None), "8/0"),
        ((None, -1, "linf", None), "-1"),
        (("linf", None, "linf", None), "threat is an object"),
        ((None, torch.tensor([-0.1]), "linf", None), "not negative"),
    ],
)
def test_what_is_no_threat_is_refused(unchecked, given, said):
    with pytest.raises(InputError, match=said):
        threat_of(*given)
