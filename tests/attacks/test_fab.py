"""FAB on linear classifiers, its passes, its restarts."""

import pytest
import torch
from torch import nn

from attacks.linear import PIXELS, B, centred, classifier, excess, flat, noise, true_distance
from hauberk.attacks import FAB
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.threats import L0Ball, L1Ball, L2Ball, LinfBall, Union
from laws.instances import label


@pytest.mark.parametrize("threat", [LinfBall(0.1), L2Ball(1.0), L1Ball(1.0, None)], ids=label)
def test_answers_are_as_near_as_the_overshoot_allows_on_a_linear_classifier(threat):
    found = excess(FAB(), classifier(), threat, centred())
    assert found.max() <= 0.006
    assert found.min() >= -1e-9


@pytest.mark.parametrize("targets", [9, 0])
@pytest.mark.parametrize("threat", [LinfBall(0.1), L2Ball(1.0), L1Ball(1.0)], ids=label)
def test_answers_are_nearly_as_near_as_any_where_the_range_cuts(threat, targets):
    found = excess(FAB(steps=40, targets=targets), classifier(3), threat, centred(spread=0.4))
    assert found.max() <= 0.02
    assert found.min() >= -1e-9


def test_l0_answers_change_few_coordinates():
    module, x = classifier(), centred(spread=0.4)
    S, y = L0Ball(3).at(x), module(x).argmax(1)
    z = FAB(steps=20)(module, S, y, noise=noise())
    assert (module(z).argmax(1) != y).all()
    assert S.distance(z).mean() < 12


def test_a_step_is_one_pass_and_one_more_for_those_that_stepped_back():
    sizes, broken = [], []
    module, x = classifier(), centred()
    S, y = L2Ball(1.0).at(x), module(x).argmax(1)

    def network(z):
        logits = module(z)
        sizes.append(len(z))
        broken.append(int((logits.argmax(1) != y).sum()) if len(z) == B else None)
        return logits

    FAB(steps=6, targets=1)(network, S, y, noise=noise())
    assert sizes[:3] == [B, B, B]  # for the targets, for the first border, and after the first step
    assert sizes[3] == (broken[2] or B)
    assert len(sizes) <= 2 + 2 * 6
    assert sum(sizes) > 8 * B


def bent(seed):
    generator = torch.Generator().manual_seed(seed)
    layers = nn.Linear(PIXELS, 20), nn.Linear(20, 20), nn.Linear(20, 6)
    module = nn.Sequential(nn.Flatten(), layers[0], nn.ReLU(), layers[1], nn.ReLU(), layers[2]).double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator).double() / 3)
    return module


def test_more_steps_targets_and_restarts_find_no_farther_points():
    module, x = bent(6), centred(4, 0.3)
    S, y = L2Ball(1.0).at(x), module(x).argmax(1)
    for runs in (
        [FAB(steps=n, targets=1) for n in (2, 5, 10)],
        [FAB(steps=4, targets=n) for n in (1, 2, 5)],
        [FAB(steps=4, targets=1, restarts=n) for n in (1, 2, 3)],
    ):
        far = torch.full((B,), float("inf")).double()
        lengths = []
        for attack in runs:
            z = attack(module, S, y, noise=noise())
            far_now = torch.where(module(z).argmax(1) != y, S.distance(z), float("inf"))
            assert (far_now <= far + 1e-12).all()  # sums of other batch shapes are rounded otherwise
            far = far_now
            lengths.append(far)
        assert not torch.equal(lengths[0], lengths[-1])


@pytest.mark.parametrize("threat", [LinfBall(1.0), L2Ball(1.0), L1Ball(1.0)], ids=label)
def test_enough_is_a_member_wherever_a_search_to_the_end_finds_one(threat):
    module, x = classifier(6, 5), centred(4, 0.3)
    y = module(x).argmax(1)
    S = threat.at(x)
    S = S.resized(true_distance(module, S, y) * torch.linspace(0.5, 2, B))
    attack = FAB(steps=10)
    to_the_end, enough = (attack(module, S, y, noise=noise(), enough=e) for e in (False, True))
    member = S.contains(to_the_end) & (module(to_the_end).argmax(1) != y)
    assert torch.equal(S.contains(enough) & (module(enough).argmax(1) != y), member)
    assert 0 < member.sum() < B
    assert (S.distance(to_the_end) <= S.distance(enough) + 1e-12).all()


def test_a_zero_gradient_stays_finite_and_finds_nothing():
    x = centred()
    for threat in (LinfBall(0.1), L2Ball(1.0, None), L1Ball(1.0), L0Ball(2)):
        attack = FAB(steps=3, restarts=2)
        assert torch.equal(attack(flat, threat.at(x), torch.zeros(B, dtype=torch.long), noise=noise()), x)


def test_refusals():
    x, y = centred(), torch.zeros(B, dtype=torch.long)
    with pytest.raises(UnsupportedSetError, match="FAB is defined for balls in any norm"):
        FAB()(classifier(), Union([LinfBall(0.1)]).at(x), y, noise=noise())
    with pytest.raises(UnsupportedSetError, match="FAB without targets needs a dual norm"):
        FAB(targets=0)(classifier(), L0Ball(2).at(x), y, noise=noise())
    for wrong in ({"steps": 0}, {"restarts": 0}, {"alpha_max": 0.0}, {"overshoot": 0.0}, {"targets": -1}):
        with pytest.raises(InputError, match=f"FAB needs .*{next(iter(wrong))}"):
            FAB(**wrong)


def test_side_by_side_targets_answer_as_one_after_the_other(monkeypatch):
    module, x = bent(6), centred(4, 0.3)
    S, y = L2Ball(1.0).at(x), module(x).argmax(1)
    for enough in (False, True):
        answers = []
        for full in (1, 2**18):
            monkeypatch.setattr("hauberk.attacks.fab.FULL", full)
            attack = FAB(steps=6, targets=4, restarts=2)
            answers.append(attack(module, S, y, noise=noise(), enough=enough))
        torch.testing.assert_close(*answers)
