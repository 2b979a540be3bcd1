import warnings
from math import inf

import pytest
import torch
from torch import nn

from hauberk.attacks import APGD, FAB, Restarts, SparseAPGD, Square, SquareWindows, Targeted, Within
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError, PartWarning, UnsupportedSetError
from hauberk.losses import DLR, CrossEntropy, Fallback, Margin
from hauberk.presets import AutoAttack, Ensemble, autoattack, ensemble
from hauberk.threats import L0Ball, L1Ball, L2Ball, LinfBall, Union
from laws.networks import images, labels, network

B = 6
NOISE = Noise.of(0, torch.arange(B))
RATIO = Fallback(DLR(), Margin())


def test_standard_autoattack_is_the_reference():
    for p, windows in ((inf, Square), (2.0, SquareWindows)):
        assert autoattack(p) == {
            "APGD-CE": Restarts(APGD(CrossEntropy(), 100), 1),
            "APGD-T": Targeted(APGD(RATIO, 100), 9),
            "FAB-T": Within(FAB(100, 9)),
            "Square": windows(Margin(), 5000),
        }
    assert autoattack(1.0) == {
        "APGD-CE": Restarts(SparseAPGD(CrossEntropy(), 100), 5),
        "APGD-T": Targeted(SparseAPGD(RATIO, 100), 5),
        "FAB-T": Within(FAB(100, 9)),
        "Square": SquareWindows(Margin(), 5000),
    }


def test_the_versions_for_random_networks_and_of_more_attacks():
    assert {name: attack.samples for name, attack in autoattack(2.0, "rand").items()} == {
        "APGD-CE": 20,
        "APGD-DLR": 20,
    }
    assert list(autoattack(inf, "plus")) == ["APGD-CE", "APGD-DLR", "FAB", "Square", "APGD-T", "FAB-T"]


@pytest.mark.parametrize("threat", [LinfBall(0.3), L2Ball(1.5), L1Ball(4.0), L0Ball(4)], ids=str)
def test_the_ensemble_breaks_what_its_members_break(threat):
    graph, y = network("dense", 1, 3.0), labels(B, 1)
    S = threat.at(images(B, 1))
    z = Ensemble()(graph, S, y, noise=NOISE)
    assert S.contains(z).all()
    broken = graph(z).argmax(1) != y
    first, *_ = ensemble(S.p).values()
    assert (broken | (graph(first(graph, S, y, noise=NOISE)).argmax(1) == y)).all()


@pytest.mark.parametrize("p", [1.0, 2.0])
def test_the_ensemble_holds_all_of_autoattack(p):
    assert autoattack(p).items() <= ensemble(p).items()


def test_unions_are_attacked_member_by_member():
    graph, y = network("dense", 2, 3.0), labels(B, 2)
    S = Union([LinfBall(0.3), L2Ball(0.5)]).at(images(B, 2))
    assert S.contains(Ensemble()(graph, S, y, noise=NOISE)).all()


def test_what_has_no_suite_is_refused_by_name():
    with pytest.raises(InputError, match="versions of AutoAttack"):
        AutoAttack("fast")
    with pytest.raises(UnsupportedSetError, match="l_1, l_2 and l_inf"):
        autoattack(0.0)
    nested = Union([Union([LinfBall(0.1)])]).at(images(B, 3))
    with pytest.raises(UnsupportedSetError, match="ensemble of attacks"):
        Ensemble()(network("dense", 1), nested, labels(B, 3), noise=NOISE)


@pytest.mark.parametrize(
    ("preset", "threat", "classes"), [(AutoAttack(), LinfBall, 2), (AutoAttack(), L2Ball, 3), (Ensemble(), LinfBall, 5)]
)
def test_what_does_not_apply_is_left_out_by_name_and_the_rest_counts(preset, threat, classes):
    """Vectors are no images for Square, and less than four classes too few for the targeted loss."""
    torch.manual_seed(0)
    module, x = nn.Linear(6, classes, bias=False).double(), torch.rand(4, 6, dtype=torch.float64)
    y, noise = module(x).argmax(1), NOISE.select(torch.arange(4))
    S = threat(torch.tensor([0.9, 1e-3, 0.9, 1e-3])).at(x)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        z = preset(module, S, y, noise=noise)
    said = [str(one.message) for one in caught if one.category is PartWarning]
    assert (module(z).argmax(1) != y).tolist() == [True, False, True, False]
    assert any(each.startswith("Square is left out: Square") and "needs images" in each for each in said)
    assert any("Margin stands in for DLR" in each for each in said) == (classes < 4)
