"""Rescaled L*u*v*, its inverse, and bounds of it."""

import pytest
import torch

from hauberk.sets.colour_space import CHROMATICITIES, rgb_range, screened, to_luv, to_rgb

CORNERS = torch.cartesian_prod(*3 * [torch.tensor([0.0, 1.0], dtype=torch.float64)])
UNITS = torch.tensor([100.0, 200.0, 200.0], dtype=torch.float64)
ORIGIN = torch.tensor([0.0, 100.0, 100.0], dtype=torch.float64)


def drawn(*shape, seed=0, dtype=torch.float64):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize(
    ("rgb", "luv"),
    [
        ((1, 0, 0), (53.24, 175.01, 37.76)),
        ((0, 1, 0), (87.73, -83.08, 107.40)),
        ((0, 0, 1), (32.30, -9.40, -130.34)),
        ((1, 1, 0), (97.14, 7.71, 106.79)),
        ((1, 1, 1), (100.0, 0.0, 0.0)),
        ((0.5, 0.5, 0.5), (53.39, 0.0, 0.0)),
        ((0, 0, 0), (0.0, 0.0, 0.0)),
    ],
)
def test_known_colours_have_their_known_coordinates(rgb, luv):
    found = to_luv(torch.tensor([rgb], dtype=torch.float64)) * UNITS - ORIGIN
    torch.testing.assert_close(found[0], torch.tensor(luv, dtype=torch.float64), rtol=0, atol=0.15)


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float32, 3e-5), (torch.float64, 1e-13)])
@pytest.mark.parametrize("scale", [1.0, 1e-2, 1e-4])
@pytest.mark.parametrize("channels", [1, 3])
def test_there_and_back_is_where_one_was(dtype, atol, scale, channels):
    rgb = torch.cat([scale * drawn(5000, channels, dtype=dtype), CORNERS[:, :channels].to(dtype)])
    torch.testing.assert_close(to_rgb(to_luv(rgb)), rgb, rtol=0, atol=atol)


def test_colours_of_the_screen_have_chromaticities_well_inside_their_ranges():
    rgb = torch.cat([CORNERS[1:], drawn(5000, 3).square(), 1e-3 * drawn(5000, 3)])
    luv = to_luv(rgb)
    white = torch.tensor([0.1978, 0.4683], dtype=torch.float64)
    chromaticities = white + (luv[:, 1:] - 0.5) / (6.5 * luv[:, :1])
    for axis, (low, high) in enumerate(CHROMATICITIES):
        assert chromaticities[:, axis].min() > low + 0.02
        assert chromaticities[:, axis].max() < high - 0.02


def test_greys_have_the_lightness_of_grey_colours():
    grey = drawn(100, 1)
    lightness = to_luv(grey)
    torch.testing.assert_close(lightness, to_luv(grey.expand(-1, 3))[:, :1], rtol=0, atol=1e-12)
    torch.testing.assert_close(to_rgb(lightness), grey, rtol=0, atol=1e-12)


def test_values_of_the_screen_rise_with_light_without_a_jump():
    around = 0.0031308 + 1e-7 * torch.linspace(-1, 1, 2001, dtype=torch.float64)
    light = torch.cat([torch.linspace(-1, 3, 4001, dtype=torch.float64), around]).sort().values
    values = screened(light)
    assert (values.diff() >= -1e-15).all()
    assert (values.diff() <= 12.93 * light.diff() + 1e-15).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("convert", [to_luv, to_rgb])
@pytest.mark.parametrize("channels", [1, 3])
def test_slopes_are_finite_everywhere(dtype, convert, channels):
    powers = torch.logspace(-40, 0, 41, dtype=dtype)[:, None] * drawn(41, channels, dtype=dtype)
    points = torch.cat([CORNERS[:, :channels].to(dtype), powers, 2 * drawn(500, channels, dtype=dtype) - 0.5])
    points.requires_grad_()
    (slope,) = torch.autograd.grad(convert(points).sum(), points)
    assert slope.isfinite().all()


def test_slopes_back_to_the_screen_are_bounded_however_dark_a_colour_is():
    dark = torch.logspace(-9, -1, 500, dtype=torch.float64)[:, None] * drawn(500, 1)
    luv = torch.cat([dark, drawn(500, 2)], 1).requires_grad_()
    (slope,) = torch.autograd.grad(to_rgb(luv)[:, 2].sum(), luv)
    assert slope.abs().max() < 200


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("reach", [0.0, 1e-6, 1e-3, 0.1, 1.0])
def test_ranges_hold_what_colours_of_their_boxes_become(dtype, channels, reach):
    unit = 2 * torch.finfo(dtype).eps
    rgb = torch.cat([CORNERS[:, :channels], drawn(200, channels).pow(4), 1e-6 * drawn(200, channels)])
    middle = to_luv(rgb).to(dtype)
    lower, upper = middle - reach, middle + reach
    low, high = rgb_range(lower.double(), upper.double(), unit)
    for seed in range(40):
        share = (2 * drawn(*middle.shape, seed=seed, dtype=dtype) - 0.5).clamp(0, 1)
        point = torch.lerp(lower, upper, share).clamp(lower, upper)
        assert (to_rgb(point) >= low).all()
        assert (to_rgb(point) <= high).all()
    assert (high - low).max() < 700 * reach + 1e4 * unit


def test_ranges_of_one_coordinate_end_where_colours_do():
    middle = to_luv(0.2 + 0.6 * drawn(100, 3))
    for axis in (1, 2):
        move = 0.05 * torch.eye(3, dtype=torch.float64)[axis]
        low, high = rgb_range(middle - move, middle + move, 1e-16)
        ends = torch.stack([to_rgb(middle - move), to_rgb(middle + move)])
        torch.testing.assert_close(low, ends.amin(0), rtol=0, atol=1e-12)
        torch.testing.assert_close(high, ends.amax(0), rtol=0, atol=1e-12)
