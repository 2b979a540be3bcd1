import pytest
import torch

from hauberk.augmentations import Resize
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError

NOISE = Noise.of(0, torch.arange(1))


@pytest.mark.parametrize(("size", "shape"), [(3, (3, 6)), (6, (6, 12)), (1, (1, 2)), (5, (5, 10))])
def test_the_shorter_side_has_the_size_and_proportions_are_kept(size, shape):
    assert Resize(size)(torch.rand(1, 2, 6, 12), NOISE).shape[2:] == shape
    assert Resize(size)(torch.rand(1, 2, 12, 6), NOISE).shape[2:] == shape[::-1]


def test_the_same_size_changes_nothing():
    x = torch.rand(1, 2, 6, 12)
    assert torch.equal(Resize(6)(x, NOISE), x)


def test_shrinking_by_two_averages_by_triangles():
    x = torch.tensor([0.0, 0, 1, 0, 0, 0]).expand(1, 1, 6, 6)
    # The middles of the new pixels lie at 1, 3 and 5, the white one at 2.5; triangles reach 2 pixels to either side.
    inner, outer = 0.75, 0.25
    row = [outer / (2 * inner + outer), inner / (2 * inner + 2 * outer), 0]
    torch.testing.assert_close(Resize(3)(x, NOISE), torch.tensor(row).expand(1, 1, 3, 3))


def test_growing_interpolates():
    x = torch.tensor([[0.0, 1.0], [0.0, 1.0]]).view(1, 1, 2, 2)
    torch.testing.assert_close(Resize(4)(x, NOISE)[0, 0, 0], torch.tensor([0, 0.25, 0.75, 1]))


def test_a_size_of_nothing_is_refused():
    with pytest.raises(InputError, match="0"):
        Resize(0)
