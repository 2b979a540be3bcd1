import pytest
import torch

from hauberk.augmentations import Cutout, Flip, InOrder, RandomShift
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError


def test_one_after_the_other():
    x, noise = torch.rand(50, 3, 6, 6), Noise.of(0, torch.arange(50))
    found = InOrder([RandomShift(2), Flip(), Cutout(3)])(x, noise)
    shifted = RandomShift(2)(x, noise.fold(0))
    assert torch.equal(found, Cutout(3)(Flip()(shifted, noise.fold(1)), noise.fold(2)))


def test_each_has_noise_of_its_own():
    x, noise = torch.rand(500, 1, 3, 3), Noise.of(0, torch.arange(500))
    unchanged = (InOrder([Flip(), Flip()])(x, noise) == x).flatten(1).all(1)
    assert 200 < unchanged.sum() < 300


def test_an_order_of_nothing_is_refused():
    with pytest.raises(InputError, match="at least one augmentation"):
        InOrder([])
