"""Attacks made of minimum-distance attacks: members always, and misclassified where the nearest point is a member."""

import pytest
import torch

from attacks.linear import centred, classifier, noise, true_distance
from hauberk.attacks import DDN, FAB, FMN, CarliniWagner, DeepFool, ElasticNet, Within
from hauberk.concepts.attack import MinimumDistanceAttack
from hauberk.threats import L1Ball, L2Ball, LinfBall
from laws.instances import label


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(
    ("attack", "threat"),
    [
        (DDN(steps=20), L2Ball(1.0)),
        (CarliniWagner(steps=60, rounds=2, weight=2.0), L2Ball(1.0)),
        (ElasticNet(steps=20, rounds=2, weight=10.0), L1Ball(1.0)),
        *[(a, t) for a in (DeepFool(), FAB(steps=5), FMN(steps=10)) for t in (LinfBall(1), L2Ball(1), L1Ball(1))],
    ],
    ids=label,
)
def test_answers_are_members_and_what_the_attack_found_where_that_is_one(attack, threat, dtype):
    module, x = classifier(dtype=dtype), centred(dtype=dtype)
    y = module(x).argmax(1)
    share = torch.linspace(0.5, 2, len(x), dtype=dtype)
    S = threat.at(x).resized(true_distance(classifier(), threat.at(x.double()), y).to(dtype) * share)
    z, found = Within(attack)(module, S, y, noise=noise()), attack(module, S, y, noise=noise(), enough=True)
    held = S.contains(found)
    broken = module(z).argmax(1) != y
    assert S.contains(z).all()
    assert z.dtype == dtype
    assert torch.equal(z[held], found[held])
    assert torch.equal(broken, held & (module(found).argmax(1) != y))
    assert broken.any()
    assert not broken.all()


def test_it_asks_for_any_member():
    asked = []

    class Recording(MinimumDistanceAttack):
        def __call__(self, network, S, y, *, noise, enough=False):
            asked.append(enough)
            return S.start + 1

    module, x = classifier(), centred()
    S = LinfBall(0.1).at(x)
    z = Within(Recording())(module, S, module(x).argmax(1), noise=noise())
    assert asked == [True]
    assert torch.equal(z, S.project(x + 1))
