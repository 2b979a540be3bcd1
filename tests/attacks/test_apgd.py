import pytest
import torch

from attacks.searches import interior, linear, noise
from hauberk.attacks import APGD, SparseAPGD
from hauberk.attacks.apgd import checkpoints
from hauberk.attacks.sparse_apgd import largest_entries
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.losses import CrossEntropy, Margin
from hauberk.threats import L1Ball, L2Ball, LinfBall

SHAPE, B = (1, 6, 6), 8


def test_checkpoints_of_a_hundred_steps_are_those_published():
    assert sorted(checkpoints(100)) == [22, 41, 57, 70, 80, 87, 93, 99]


@pytest.mark.parametrize("loss", [CrossEntropy(), Margin()])
@pytest.mark.parametrize("threat", [LinfBall, L2Ball])
def test_a_linear_border_a_hundredth_inside_the_ball_is_always_crossed_and_outside_never(threat, loss):
    x = interior(B, SHAPE, 0)
    module, normal = linear(SHAPE, 1, 0.5)
    y, lead = torch.zeros(B, dtype=torch.long), module(x)[:, 0] - module(x)[:, 1]
    x, y, lead = x[lead > 0], y[lead > 0], lead[lead > 0]
    dual = normal.abs().sum() if threat is LinfBall else normal.norm()
    for factor, broken in ((1.01, True), (0.99, False)):
        S = threat(factor * lead / dual).at(x)
        z = APGD(loss)(module, S, y, noise=noise(len(x)))
        assert ((module(z).argmax(1) != y) == broken).all()
        assert S.contains(z).all()


def test_sparse_apgd_crosses_a_linear_border_a_hundredth_inside_the_ball():
    x = interior(B, SHAPE, 0)
    module, normal = linear(SHAPE, 1, 0.2)
    y, lead = torch.zeros(B, dtype=torch.long), module(x)[:, 0] - module(x)[:, 1]
    x, y, lead = x[lead > 0], y[lead > 0], lead[lead > 0]
    unlimited = L1Ball(1.0, within=None)
    for factor, broken in ((1.01, True), (0.99, False)):
        S = unlimited.scaled(factor * lead / normal.abs().max()).at(x)
        z = SparseAPGD(CrossEntropy())(module, S, y, noise=noise(len(x)))
        assert ((module(z).argmax(1) != y) == broken).all()


def test_the_largest_entries_share_one_unit_and_there_is_at_least_one():
    gradient = torch.tensor([[0.1, -3.0, 2.0, 0.0], [1.0, 0.5, -0.2, -2.0]])
    step = largest_entries(gradient, torch.tensor([[0.5], [0.01]]))
    torch.testing.assert_close(step, torch.tensor([[0.0, -0.5, 0.5, 0.0], [0.0, 0.0, 0.0, -1.0]]))


def test_sets_of_other_norms_are_refused_by_name():
    x, y = interior(2, SHAPE, 0), torch.zeros(2, dtype=torch.long)
    module, _ = linear(SHAPE, 1, 0.5)
    with pytest.raises(UnsupportedSetError, match="APGD is defined for balls in norms above l_1"):
        APGD(Margin())(module, L1Ball(1.0).at(x), y, noise=noise(2))
    with pytest.raises(UnsupportedSetError, match="SparseAPGD is defined for balls in the l_1 norm"):
        SparseAPGD(Margin())(module, LinfBall(1.0).at(x), y, noise=noise(2))


@pytest.mark.parametrize("attack", [APGD, SparseAPGD])
def test_counts_that_are_not_positive_are_refused(attack):
    with pytest.raises(InputError, match="steps > 0"):
        attack(Margin(), steps=0)
