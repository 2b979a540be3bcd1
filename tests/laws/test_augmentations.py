"""What every augmentation obeys."""

import pytest
import torch

from hauberk.augmentations import Cutout
from hauberk.concepts.augmentation import Augmentation
from hauberk.concepts.noise import Noise
from hauberk.errors import ShapeError
from laws.instances import instances, label

B = 6
augmentations = pytest.mark.parametrize("augmentation", instances(Augmentation), ids=label)


def noise(seed: int = 0) -> Noise:
    return Noise.of(seed, torch.arange(B))


def images(dtype: torch.dtype = torch.float64) -> torch.Tensor:
    return torch.rand(B, 3, 9, 7, dtype=dtype, generator=torch.Generator().manual_seed(0))


@augmentations
@pytest.mark.parametrize("index", [[4, 0], [2], [True, False, False, True, True, False]], ids=str)
def test_what_becomes_of_an_example_depends_on_its_own_noise_alone(augmentation, index):
    whole, index = augmentation(images(), noise()), torch.tensor(index)
    some = augmentation(images()[index], noise().select(index))
    torch.testing.assert_close(some, whole[index], rtol=0, atol=1e-14)


@augmentations
def test_the_same_noise_gives_the_same_images_and_leaves_those_given_alone(augmentation):
    x = images()
    assert torch.equal(augmentation(x, noise()), augmentation(x, noise()))
    assert torch.equal(x, images())


@augmentations
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("binary", [False, True])
def test_range_type_batch_and_channels_are_kept(augmentation, dtype, binary):
    x = images(dtype).round() if binary else images(dtype)
    for seed in range(20):
        found = augmentation(x, noise(seed))
        assert found.dtype == dtype
        assert found.shape[:2] == x.shape[:2]
        assert found.min() >= 0
        assert found.max() <= 1


@augmentations
def test_a_constant_image_stays_constant_but_for_zeros(augmentation):
    found = augmentation(torch.full((B, 3, 9, 7), 0.3), noise())
    assert ((found == 0.3) | (found == 0)).all()


@augmentations
@pytest.mark.parametrize(
    "x",
    [torch.zeros(B, 3, 9, 7, dtype=torch.uint8), torch.zeros(B, 63), torch.zeros(3, 9, 7), torch.zeros(B, 3, 0, 7)],
    ids=["bytes", "vectors", "no batch", "no pixels"],
)
def test_what_is_no_batch_of_images_is_refused(unchecked, augmentation, x):
    with pytest.raises(ShapeError, match="images must be"):
        augmentation(x, Noise.of(0, torch.arange(len(x))))


@augmentations
def test_no_example_gives_none(augmentation):
    assert len(augmentation(images()[:0], noise().select(torch.arange(0)))) == 0


def test_a_square_is_no_image_smaller_than_itself():
    with pytest.raises(ShapeError, match="8 pixels"):
        Cutout(8)(images(), noise())
