"""The attack of Carlini and Wagner on linear classifiers, with and without a range."""

import pytest
import torch

from attacks.linear import B, centred, classifier, excess, noise
from hauberk.attacks import CarliniWagner
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.threats import L1Ball, L2Ball


@pytest.mark.parametrize("within", [(0.0, 1.0), None], ids=str)
def test_answers_are_nearly_as_near_as_any_on_a_linear_classifier(within):
    found = excess(CarliniWagner(steps=200, rounds=4, weight=4.0), classifier(), L2Ball(1.0, within), centred()[:4])
    assert found.max() <= 0.005
    assert found.min() >= -1e-9


def test_examples_end_their_descents_on_their_own_account():
    sizes = []
    module, x = classifier(), centred(1, 0.2)

    def network(x):
        sizes.append(len(x))
        return module(x)

    attack, S, y = CarliniWagner(steps=60, rounds=3, rate=0.1, weight=0.3), L2Ball(1.0).at(x), module(x).argmax(1)
    z = attack(network, S, y, noise=noise())
    assert len(set(sizes)) > 2
    for i in (0, 5):
        part = torch.tensor([i])
        alone = attack(module, S.select(part), y[part], noise=noise().select(part))
        torch.testing.assert_close(alone, z[part], rtol=0, atol=1e-10)


def test_a_zero_gradient_and_ends_of_the_range_stay_finite():
    x = torch.cat([torch.zeros(1, 1, 6, 8), torch.ones(1, 1, 6, 8)]).double()
    module = classifier()
    S, y = L2Ball(1.0).at(x), module(x).argmax(1)
    z = CarliniWagner(steps=40, rounds=2, weight=1.0)(module, S, y, noise=noise(2))
    assert z.isfinite().all()
    assert S.resized(torch.full((2,), 50.0).double()).contains(z).all()


def test_more_rounds_find_no_farther_points():
    module, x = classifier(), centred(2, 0.2)
    S, y = L2Ball(1.0).at(x), module(x).argmax(1)
    far = torch.full((B,), float("inf")).double()
    for rounds in (1, 3):
        z = CarliniWagner(steps=80, rounds=rounds, weight=0.03)(module, S, y, noise=noise())
        length = torch.where(module(z).argmax(1) != y, S.distance(z), float("inf"))
        assert (length <= far).all()
        far = length
    assert far.isfinite().all()


def test_refusals():
    x = centred()
    with pytest.raises(UnsupportedSetError, match="CarliniWagner is defined for balls in the l_2 norm"):
        CarliniWagner()(classifier(), L1Ball(0.1).at(x), torch.zeros(B, dtype=torch.long), noise=noise())
    for wrong in ({"steps": 0}, {"rounds": 0}, {"rate": 0.0}, {"weight": -1.0}):
        with pytest.raises(InputError, match=f"CarliniWagner needs {next(iter(wrong))}"):
            CarliniWagner(**wrong)
