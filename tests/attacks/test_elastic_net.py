"""The elastic-net attack on linear classifiers, by both rules."""

import pytest
import torch

from attacks.linear import B, centred, classifier, excess, noise
from hauberk.attacks import ElasticNet
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.threats import L1Ball, L2Ball


def test_answers_are_nearly_as_near_as_any_on_a_linear_classifier():
    """The squared l_2 distance stays part of the objective: its share falls with rate / beta."""
    found = excess(
        ElasticNet(steps=150, rounds=5, rate=0.002, beta=0.02, weight=10.0), classifier(), L1Ball(1.0), centred()[:4]
    )
    assert found.max() <= 0.02
    assert found.min() >= -1e-9


def test_each_rule_finds_the_nearer_points_by_its_own_measure():
    module, x = classifier(), centred(1, 0.2)[:6]
    S, y = L1Ball(1.0).at(x), module(x).argmax(1)
    first, second = (
        ElasticNet(steps=60, rounds=3, weight=1.0, beta=0.02, elastic=e)(module, S, y, noise=noise(6))
        for e in (False, True)
    )

    def elastic(z):
        return (z - x).flatten(1).square().sum(1) + 0.02 * S.distance(z)

    assert (module(first).argmax(1) != y).all()
    assert (S.distance(first) <= S.distance(second)).all()
    assert (elastic(second) <= elastic(first)).all()
    assert not torch.equal(first, second)


def test_refusals():
    x = centred()
    with pytest.raises(UnsupportedSetError, match="ElasticNet is defined for balls in the l_1 norm"):
        ElasticNet()(classifier(), L2Ball(0.1).at(x), torch.zeros(B, dtype=torch.long), noise=noise())
    for wrong in ({"steps": 0}, {"rounds": 0}, {"rate": 0.0}, {"weight": -1.0}):
        with pytest.raises(InputError, match=f"ElasticNet needs {next(iter(wrong))}"):
            ElasticNet(**wrong)
