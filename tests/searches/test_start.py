import pytest
import torch

from hauberk.attacks import FGSM, Previous, RandomMember, RandomSigns, Uncut
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.losses import Margin
from hauberk.threats import GivenBox, L0Ball, L1Ball, L2Ball, LinfBall, Union
from laws.networks import images, labels, network

NOISE = Noise.of(0, torch.arange(3))


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_random_signs_move_every_coordinate_by_a_share_of_the_radius(share):
    S = LinfBall(0.2).at(torch.full((3, 1, 8, 8), 0.5, dtype=torch.float64))
    moved = RandomSigns(share)(S, NOISE) - 0.5
    torch.testing.assert_close(moved.abs(), torch.full_like(moved, 0.2 * share))
    up = (moved > 0).double().mean((1, 2, 3))
    assert (up > 0.25).all()
    assert (up < 0.75).all()


def test_random_signs_end_at_the_borders_of_set_and_range():
    S = LinfBall(0.2).at(torch.zeros(3, 1, 8, 8))
    z = RandomSigns(5.0)(S, NOISE)
    assert set(z.flatten().tolist()) == {0.0, S.bounding_box().upper.max().item()}


def test_random_signs_refuse_a_share_that_is_not_positive():
    with pytest.raises(InputError, match="share to be"):
        RandomSigns(0.0)


@pytest.mark.parametrize("threat", [LinfBall(0.2), L2Ball(0.7), L1Ball(2.0)], ids=str)
def test_an_uncut_start_is_that_of_the_ball_without_the_range(threat):
    x = torch.zeros(3, 1, 8, 8, dtype=torch.float64)
    S, whole = threat.at(x), type(threat)(threat.eps, None).at(x)
    z = Uncut(RandomMember())(S, NOISE)
    assert torch.equal(z, RandomMember()(whole, NOISE))
    assert (z < 0).any()
    assert not S.contains(z).any()
    assert whole.contains(z, atol=1e-12).all()


def test_steps_from_an_uncut_start_answer_with_members_and_keep_something_random():
    S, x = LinfBall(0.2).at(torch.zeros(3, 1, 4, 4, dtype=torch.float64)), network("dense", 0)
    z = FGSM(Margin(), 1.0, Uncut(RandomMember()))(x, S, labels(3, 0), noise=NOISE)
    assert S.contains(z).all()
    inside = (z > 0) & (z < 0.2)
    assert inside.any()
    cut = FGSM(Margin(), 1.0, RandomMember())(x, S, labels(3, 0), noise=NOISE)
    assert ((cut == 0) | (cut == 0.2)).all()


def test_an_uncut_start_hears_where_the_search_ended():
    S, previous = LinfBall(0.2).at(images(3, 1)), Previous()
    FGSM(Margin(), 1.0, Uncut(previous))(network("dense", 0), S, labels(3, 1), noise=NOISE)
    assert previous.last.rows is not None


def test_the_uncut_ball_of_a_box_reaches_as_far_on_both_sides():
    x = torch.tensor([[0.1, 0.5]])
    S = GivenBox(torch.tensor([[0.0, 0.5]]), torch.tensor([[0.4, 0.5]])).at(x)
    uncut = S.uncut().bounding_box()
    torch.testing.assert_close(uncut.lower, torch.tensor([[-0.2, 0.5]]))
    torch.testing.assert_close(uncut.upper, torch.tensor([[0.4, 0.5]]))


def test_sets_without_an_uncut_ball_have_no_uncut_start():
    x = images(3, 1, torch.float32)
    with pytest.raises(UnsupportedSetError, match="a start outside the range of valid inputs is defined for balls"):
        Uncut()(Union([LinfBall(0.1)]).at(x), NOISE)
    with pytest.raises(UnsupportedSetError, match="an l_0 ball is made of the range"):
        Uncut()(L0Ball(3).at(x), NOISE)
