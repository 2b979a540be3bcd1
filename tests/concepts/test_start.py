import pytest
import torch

from hauberk.attacks import RandomSigns
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError
from hauberk.threats import LinfBall

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
    with pytest.raises(InputError, match="share > 0"):
        RandomSigns(0.0)
