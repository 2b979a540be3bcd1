import math

import pytest
import torch
import torch.nn.functional as F

from hauberk.augmentations import RandomResizedCrop
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError


def noise(examples: int = 2000) -> Noise:
    return Noise.of(0, torch.arange(examples))


@pytest.mark.parametrize("size", [1, 3, 8, 19])
def test_each_crop_is_resized_as_torch_resizes_it_alone(size: int):
    x = torch.rand(30, 2, 17, 12, dtype=torch.float64)
    crop = RandomResizedCrop(size)
    found = crop(x, noise(30))
    for image, result, (top, height, left, width) in zip(x, found, crop.crops(17, 12, noise(30)).int(), strict=True):
        cut = image[None, :, top : top + height, left : left + width]
        alone = F.interpolate(cut, (size, size), mode="bilinear", antialias=True)[0]
        torch.testing.assert_close(result, alone, rtol=0, atol=1e-12)


def test_the_whole_image_at_its_own_size_is_unchanged():
    x = torch.rand(5, 3, 8, 8)
    torch.testing.assert_close(RandomResizedCrop(8, (1.0, 1.0), (1.0, 1.0))(x, noise(5)), x)


def test_every_place_of_a_crop_occurs_and_none_outside():
    tops, heights, lefts, widths = RandomResizedCrop(4, (0.25, 0.25), (1.0, 1.0)).crops(6, 8, noise()).unbind(1)
    assert heights.unique().tolist() == widths.unique().tolist() == [3]  # sqrt(12) to a whole pixel
    places, counts = torch.stack([tops, lefts], 1).unique(dim=0, return_counts=True)
    assert places.tolist() == [[top, left] for top in range(4) for left in range(6)]
    assert counts.min() > 45


def test_areas_are_uniform_and_ratios_log_uniform_where_everything_fits():
    drawn = RandomResizedCrop(4, (0.1, 0.3), (0.5, 2.0)).crops(2000, 2000, noise()).double()
    areas = drawn[:, 1] * drawn[:, 3] / 2000**2
    ratios = (drawn[:, 3] / drawn[:, 1]).log2()
    for found, low, high in ((areas, 0.1, 0.3), (ratios, -1, 1)):
        shares = (found.sort().values - low) / (high - low)
        assert (shares - (torch.arange(2000) + 0.5) / 2000).abs().max() < 0.04  # Kolmogorov: 1.8 / sqrt(2000)
    assert abs(torch.corrcoef(torch.stack([areas, ratios]))[0, 1]) < 0.1


def test_crops_lie_inside_the_image():
    tops, heights, lefts, widths = RandomResizedCrop(4, (0.01, 1.0), (0.2, 5.0)).crops(9, 5, noise()).unbind(1)
    for start, length, pixels in ((tops, heights, 9), (lefts, widths, 5)):
        assert start.min() >= 0
        assert length.min() >= 1
        assert (start + length).max() <= pixels


@pytest.mark.parametrize(
    ("shape", "ratio", "crop"),
    [
        ((4, 40), (3 / 4, 4 / 3), [0, 4, 17, 5]),
        ((40, 4), (3 / 4, 4 / 3), [17, 5, 0, 4]),
        ((6, 8), (4 / 3, 4 / 3), [0, 6, 0, 8]),
    ],
)
def test_where_no_try_fits_the_largest_allowed_rectangle_from_the_middle_is_taken(shape, ratio, crop):
    assert RandomResizedCrop(4, (1.0, 1.0), ratio).crops(*shape, noise(5)).tolist() == [crop] * 5


def test_later_tries_are_taken_where_the_first_does_not_fit():
    drawn = RandomResizedCrop(4, (0.9, 1.0), (1 / 3, 3.0)).crops(100, 100, noise())
    whole = (drawn[:, 1] == 100) & (drawn[:, 3] == 100)
    assert 0 < whole.double().mean() < 0.7  # one try in sixteen fits or so
    assert (drawn[~whole][:, 1] * drawn[~whole][:, 3] > 0.89 * 100**2).all()


@pytest.mark.parametrize(
    "arguments",
    [
        *[(0,), (4, (0.0, 1.0)), (4, (0.5, 0.4)), (4, (0.5, 1.5)), (4, (math.nan, 1.0))],
        *[(4, (0.5, 1.0), (0.0, 1.0)), (4, (0.5, 1.0), (2.0, 1.0)), (4, (0.5, 1.0), (1.0, math.inf))],
    ],
    ids=str,
)
def test_sizes_and_ranges_that_are_none_are_refused(arguments):
    with pytest.raises(InputError):
        RandomResizedCrop(*arguments)
