import pytest
import torch
import torch.nn.functional as F

from hauberk.augmentations import RandomShift
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError


def test_every_shift_occurs_and_nothing_else():
    x = torch.zeros(2000, 1, 7, 7)
    x[:, 0, 3, 3] = 1
    found = RandomShift(2)(x, Noise.of(0, torch.arange(2000))).nonzero()
    assert len(found) == 2000
    places = found[:, 2:].unique(dim=0, return_counts=True)
    assert places[0].tolist() == [[row, column] for row in range(1, 6) for column in range(1, 6)]
    assert places[1].min() > 40


def test_what_leaves_the_image_is_lost_and_zeros_come_in():
    x = torch.ones(500, 2, 4, 4)
    moved = RandomShift(1)(x, Noise.of(0, torch.arange(500)))
    assert set(moved.sum((1, 2, 3)).unique().tolist()) == {18.0, 24.0, 32.0}


def test_at_the_edge_the_border_is_repeated_under_the_same_shifts():
    x, noise = torch.rand(300, 2, 4, 5), Noise.of(0, torch.arange(300))
    found, zeros = (RandomShift(1, edge=edge)(x, noise) for edge in (True, False))
    framed = F.pad(x, [1] * 4, mode="replicate")
    crops = torch.stack([framed[..., i : i + 4, j : j + 5] for i in range(3) for j in range(3)])
    chosen = (crops == found).flatten(2).all(2)
    assert (chosen.sum(0) == 1).all()
    assert chosen.any(1).all()
    assert torch.equal(torch.where(zeros > 0, found, 0), zeros)


def test_no_shift_changes_nothing():
    x = torch.rand(5, 3, 4, 4)
    assert torch.equal(RandomShift(0)(x, Noise.of(0, torch.arange(5))), x)


def test_a_negative_shift_is_refused():
    with pytest.raises(InputError, match="-1"):
        RandomShift(-1)
