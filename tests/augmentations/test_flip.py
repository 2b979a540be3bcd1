import torch

from hauberk.augmentations import Flip
from hauberk.concepts.noise import Noise


def test_half_of_the_images_are_mirrored_and_the_others_are_as_they_were():
    image = torch.arange(24.0).view(2, 3, 4) / 24
    found = Flip()(image.expand(2000, -1, -1, -1), Noise.of(0, torch.arange(2000)))
    mirrored = torch.stack([image[..., 3], image[..., 2], image[..., 1], image[..., 0]], -1)
    flipped = (found == mirrored).flatten(1).all(1)
    assert ((found == image).flatten(1).all(1) ^ flipped).all()
    assert 900 < flipped.sum() < 1100
