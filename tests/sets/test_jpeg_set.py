"""Moves of JPEG coefficients, and the boxes of the values that pixels can take."""

import math

import pytest
import torch

from hauberk.concepts.noise import Noise
from hauberk.errors import InputError, ShapeError
from hauberk.sets.box_set import BoxSet
from hauberk.sets.jpeg_transform import colour_blurred
from hauberk.threats import JPEG

SIZES = [(1, 8, 8), (1, 5, 11), (3, 16, 16), (3, 13, 7)]
sizes = pytest.mark.parametrize("shape", SIZES, ids=str)
exactness = pytest.mark.parametrize("exact", [False, True])


def drawn(*shape, seed=0, dtype=torch.float32):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def members(S, seed=0):
    """Random members, most of their coefficients at the ends of the set."""
    z = S.radius[:, None] * (6 * drawn(*S.start.shape, seed=seed, dtype=S.start.dtype) - 3)
    return S.project(z)


def uncut(S, z):
    """The images before the range cuts them."""
    return S.rest + S.scale * S.transform(z)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@sizes
def test_no_change_leaves_inputs_exactly_as_they_are_where_asked(shape, dtype):
    x = drawn(3, *shape, dtype=dtype)
    for eps in (0.0, 0.25, 100.0):
        S = JPEG(eps, exact=True).at(x)
        assert torch.equal(S.decode(S.start), x)
    S = JPEG(0.0).at(x)
    assert torch.equal(S.decode(S.sample(Noise.of(0, torch.arange(3)))), colour_blurred(x).clamp(0, 1))


def test_grey_images_are_at_rest_as_they_are():
    for grey in (drawn(4, 1, 15, 17).expand(-1, 3, -1, -1), drawn(4, 1, 15, 17)):
        S = JPEG().at(grey)
        torch.testing.assert_close(S.decode(S.start), grey, rtol=0, atol=3e-7)


@exactness
@sizes
def test_images_are_affine_in_coefficients_before_the_range_cuts_them(shape, exact):
    S = JPEG(0.5, exact=exact).at(drawn(2, *shape, dtype=torch.float64))
    a, b = members(S, 1), members(S, 2)
    torch.testing.assert_close(uncut(S, 0.25 * a + 0.75 * b), 0.25 * uncut(S, a) + 0.75 * uncut(S, b))
    assert torch.equal(S.decode(a), uncut(S, a).clamp(0, 1))
    assert not torch.equal(S.decode(a), uncut(S, a))


def test_units_are_half_steps_of_quantisation_in_levels_of_the_range():
    for low, high in ((0.0, 1.0), (-3.0, 7.0), (0.0, 255.0)):
        S = JPEG(1.0, within=(low, high)).at(torch.full((1, 1, 8, 8), (low + high) / 2, dtype=torch.float64))
        z = S.start.clone()
        z[0, 0] = 1  # of a constant, of which the orthonormal transform makes 8 times its value
        moved = S.decode(z) - S.decode(S.start)
        torch.testing.assert_close(moved, torch.full_like(moved, (high - low) / 255 * 16 / 8 / 2))


@exactness
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-2e5, 1e5), (100.0, 100.5)])
def test_boxes_hold_every_image_that_coefficients_make(dtype, low, high, exact):
    for shape in SIZES:
        x = low + (high - low) * drawn(3, *shape, seed=3, dtype=dtype)
        for eps in (0.0, 1e-5, 0.25, 20.0):
            S = JPEG(eps, within=(low, high), exact=exact).at(x)
            cover = S.cover()
            for seed in range(6):
                image = S.decode(members(S, seed))
                assert cover.contains(image).all()
                assert ((low <= image) & (image <= high)).all()


@exactness
@sizes
def test_ends_of_boxes_are_reached_by_the_signs_of_a_pixels_coefficients(shape, exact):
    x = 0.4 + 0.2 * drawn(2, *shape, seed=4, dtype=torch.float64)
    S = JPEG(torch.tensor([0.05, 0.1]).double(), exact=exact).at(x)
    box = S.cover().bounding_box()
    z = S.start.clone().requires_grad_()
    pixels = uncut(S, z).flatten(1)
    lower, upper = box.lower.flatten(1), box.upper.flatten(1)
    for pixel in range(0, pixels.shape[1], pixels.shape[1] // 20):
        (slope,) = torch.autograd.grad(pixels[:, pixel].sum(), z, retain_graph=True)
        corner = S.radius[:, None] * slope.sign()
        assert S.contains(corner).all()
        up, down = (S.decode(sign * corner).flatten(1)[:, pixel] for sign in (1, -1))
        torch.testing.assert_close(up, upper[:, pixel], rtol=0, atol=1e-11)
        torch.testing.assert_close(down, lower[:, pixel], rtol=0, atol=1e-11)
        assert (down < up).all()


@pytest.mark.parametrize("size", [0.0, 1e-3, 0.3])
def test_boxes_in_single_precision_hold_corners_too(size):
    x = size * drawn(4, 3, 16, 16, seed=5)
    S = JPEG(torch.tensor([0.01, 0.02, 0.05, 0.1]), within=(-1.0, 1.0)).at(x)
    cover = S.cover()
    z = S.start.clone().requires_grad_()
    pixels = uncut(S, z).flatten(1)
    for pixel in range(0, 768, 31):
        (slope,) = torch.autograd.grad(pixels[:, pixel].sum(), z, retain_graph=True)
        for sign in (1, -1):
            assert cover.contains(S.decode(sign * S.radius[:, None] * slope.sign())).all()


@exactness
def test_covers_start_from_the_images_at_rest_and_grow_with_the_radius(exact):
    x = drawn(2, 3, 9, 12)
    S = JPEG(0.1, exact=exact).at(x)
    small, large = S.cover(), S.resized(2 * S.radius).cover()
    assert isinstance(small, BoxSet)
    assert torch.equal(small.start, S.decode(S.start))
    assert small.contains(small.start).all()
    assert (large.box.lower <= small.box.lower).all()
    assert (large.box.upper >= small.box.upper).all()
    none = JPEG(0.0, exact=exact).at(x).cover().bounding_box()
    torch.testing.assert_close(none.lower, none.upper, rtol=0, atol=1e-5)


@exactness
def test_gradients_are_finite_at_rest_and_at_the_ends(exact):
    S = JPEG(1.0, exact=exact).at(drawn(2, 3, 17, 5))
    for z in (S.start, S.sample(Noise.of(0, torch.arange(2))), members(S), 1e6 * members(S)):
        z = z.clone().requires_grad_()
        (slope,) = torch.autograd.grad(S.decode(z).square().sum(), z)
        assert slope.isfinite().all()


@exactness
@sizes
def test_examples_do_not_depend_on_their_batch(shape, exact):
    S = JPEG(torch.linspace(0.1, 1, 7), exact=exact).at(drawn(7, *shape, seed=6))
    z, box = members(S), S.cover().bounding_box()
    for index in (torch.tensor([6, 0]), torch.tensor([3]), torch.arange(7) > 1):
        T = S.select(index)
        assert torch.equal(T.decode(z[index]), S.decode(z)[index])
        assert torch.equal(T.cover().bounding_box().lower, box.lower[index])


def test_names_tell_threats_apart():
    assert JPEG().name == "JPEG eps 0.25"
    assert JPEG(exact=True).name == "JPEG, exact, eps 0.25"
    assert JPEG(torch.ones(2)).name == "JPEG eps per example"
    assert JPEG(0.5, exact=True).scaled(2.0).name == "JPEG, exact, eps 1"


@pytest.mark.parametrize("shape", [(2, 5), (2, 8, 8), (2, 2, 8, 8), (2, 4, 8, 8), (1, 1, 3, 8, 8)], ids=str)
def test_what_is_no_image_of_one_channel_or_three_is_refused(unchecked, shape):
    with pytest.raises(ShapeError, match=r"JPEG needs images .* 1 or 3 channels"):
        JPEG().at(torch.zeros(shape))


@pytest.mark.parametrize("within", [None, (0.0, math.inf), (-math.inf, 1.0), (1.0, 1.0), (0.0, math.nan)], ids=str)
def test_a_range_without_ends_is_refused(within):
    with pytest.raises(InputError, match=r"a finite (range|number)|low < high"):
        JPEG(within=within)
