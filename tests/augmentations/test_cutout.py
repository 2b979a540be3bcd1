import pytest
import torch

from hauberk.augmentations import Cutout
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError


def test_one_square_fully_inside_is_zero_and_nothing_else_and_every_place_occurs():
    x = torch.rand(3000, 2, 5, 6) + 0.1
    found = Cutout(3)(x, Noise.of(0, torch.arange(3000)))
    black = found == 0
    assert torch.equal(found[~black], x[~black])
    assert (black.sum((2, 3)) == 9).all()
    assert torch.equal(black[:, 0], black[:, 1])
    rows, columns = black[:, 0].any(2), black[:, 0].any(1)
    assert (rows.sum(1) == 3).all()
    assert (columns.sum(1) == 3).all()
    corners = torch.stack([rows.int().argmax(1), columns.int().argmax(1)], 1)
    places, counts = corners.unique(dim=0, return_counts=True)
    assert places.tolist() == [[row, column] for row in range(3) for column in range(4)]
    assert counts.min() > 180


@pytest.mark.parametrize(("length", "left"), [(0, 32), (4, 0)])
def test_the_smallest_and_the_largest_square(length: int, left: int):
    assert Cutout(length)(torch.ones(3, 2, 4, 4), Noise.of(0, torch.arange(3))).sum((1, 2, 3)).tolist() == [left] * 3


def test_a_negative_length_is_refused():
    with pytest.raises(InputError, match="-1"):
        Cutout(-1)
