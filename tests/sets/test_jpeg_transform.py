"""JPEG's coefficients against scipy's transform, Pillow's tables and colours, and JPEG as published."""

import io
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.fft import dctn, idctn

from hauberk.sets.jpeg_transform import CHROMINANCE, LUMINANCE, SHARES, TINTS, JPEGTransform, colour_blurred

SIZES = [(1, 8, 8), (1, 5, 11), (1, 28, 28), (3, 16, 16), (3, 13, 7), (3, 32, 40)]
sizes = pytest.mark.parametrize("shape", SIZES, ids=str)
TABLES = np.array([LUMINANCE, CHROMINANCE], dtype=float).reshape(2, 8, 8)
FORWARD = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
BACKWARD = np.array([[1, 0, 1.402], [1, -0.344136, -0.714136], [1, 1.772, 0]])


def drawn(*shape, seed=0, dtype=torch.float64):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def blocks(plane):
    """The blocks of a plane, along the first two axes."""
    rows, columns = (side // 8 for side in plane.shape)
    return plane.reshape(rows, 8, columns, 8).transpose(0, 2, 1, 3)


def published(image, z):
    """JPEG as published, of one image in [0, 255], in numpy: blocks one by one, colours by the standard's decimals."""
    colours = len(image) == 3
    side = 16 if colours else 8
    image = np.pad(image, [(0, 0), *((0, -size % side) for size in image.shape[1:])], mode="edge")
    planes = image
    if colours:
        y, *chroma = np.tensordot(FORWARD, image, 1)
        planes = [y, *((c + 128).reshape(len(c) // 2, 2, -1, 2).mean((1, 3)) for c in chroma)]
    changed, at = [], 0
    for number, plane in enumerate(planes):
        table, change = TABLES[min(number, 1)], z[at : at + plane.size].reshape(plane.shape)
        at += plane.size
        coefficients = dctn(blocks(plane - 128), axes=(2, 3), norm="ortho") / table + blocks(change)
        pixels = idctn(coefficients * table, axes=(2, 3), norm="ortho") + 128
        changed.append(pixels.transpose(0, 2, 1, 3).reshape(plane.shape))
    assert at == len(z)
    if colours:
        y, *chroma = changed
        image = np.tensordot(BACKWARD, np.stack([y, *((c - 128).repeat(2, 0).repeat(2, 1) for c in chroma)]), 1)
    return image if colours else np.stack(changed)


@sizes
@pytest.mark.parametrize("size", [0.0, 0.125, 2.0])
def test_it_is_jpeg_as_published(shape, size):
    x = drawn(2, *shape, seed=1)
    transform = JPEGTransform.of(x)
    z = size * (2 * drawn(2, transform.count, seed=2) - 1)
    image = 255 * colour_blurred(x) + transform(z)
    for i in range(2):
        expected = published(255 * x[i].numpy(), z[i].numpy())[:, : shape[1], : shape[2]]
        torch.testing.assert_close(image[i], torch.from_numpy(expected), rtol=0, atol=1e-3)  # decimals are rounded


def test_blocks_are_the_inverse_transform_of_scipy():
    image = 255 * drawn(3, 1, 8, 8) - 128
    coefficients = dctn(image.numpy(), axes=(2, 3), norm="ortho") / TABLES[0]
    shown = JPEGTransform.of(image)(torch.from_numpy(coefficients).flatten(1))
    torch.testing.assert_close(shown, image, rtol=0, atol=1e-11)
    single = JPEGTransform.of(image.float())(torch.from_numpy(coefficients).float().flatten(1))
    torch.testing.assert_close(single, image.float(), rtol=0, atol=2e-4)


def test_tables_are_pillows_of_quality_50():
    file = io.BytesIO()
    Image.new("RGB", (16, 16)).save(file, "JPEG", quality=50)
    tables = Image.open(file).quantization
    assert tuple(tables[0]) == LUMINANCE
    assert tuple(tables[1]) == CHROMINANCE


def test_colours_are_pillows_up_to_rounding():
    levels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    expected = np.asarray(Image.fromarray(levels, "YCbCr").convert("RGB"), dtype=float)
    found = levels[..., :1] + (levels[..., 1:] - 128.0) @ np.array(TINTS).T
    assert np.abs(found.clip(0, 255) - expected).max() <= 1
    luma = np.asarray(Image.fromarray(levels, "RGB").convert("YCbCr"))[..., 0]
    assert np.abs(levels @ np.array(SHARES) - luma).max() <= 1.01


def test_colours_do_not_change_luma_and_are_those_of_the_standard():
    np.testing.assert_allclose(np.array(SHARES) @ np.array(TINTS), 0, atol=1e-15)
    np.testing.assert_allclose(TINTS, BACKWARD[:, 1:], atol=5e-7)


@sizes
def test_absolute_is_the_map_with_the_absolute_values_of_all_entries(shape):
    transform = JPEGTransform.of(drawn(1, *shape))
    columns = torch.randperm(transform.count, generator=torch.Generator().manual_seed(0))[:300]
    axes = torch.zeros(len(columns), transform.count, dtype=torch.float64)
    axes[torch.arange(len(columns)), columns] = 1
    torch.testing.assert_close(transform.absolute()(axes), transform(axes).abs(), rtol=1e-12, atol=1e-12)


@sizes
def test_the_map_is_linear(shape):
    transform = JPEGTransform.of(drawn(1, *shape))
    a, b = (drawn(2, transform.count, seed=seed) - 0.5 for seed in (3, 4))
    torch.testing.assert_close(transform(2 * a - b), 2 * transform(a) - transform(b))


@sizes
def test_blurred_colours_are_chroma_averaged_over_squares(shape):
    x = drawn(2, *shape, seed=5)
    blurred = colour_blurred(x)
    for i in range(2):
        still = published(255 * x[i].numpy(), np.zeros(JPEGTransform.of(x).count))[:, : shape[1], : shape[2]]
        torch.testing.assert_close(255 * blurred[i], torch.from_numpy(still), rtol=0, atol=1e-3)
    if shape[0] == 1:
        assert blurred is x


def test_grey_images_stay_as_they_are():
    grey = drawn(4, 1, 15, 17, dtype=torch.float32).expand(-1, 3, -1, -1)
    torch.testing.assert_close(colour_blurred(grey), grey, rtol=0, atol=3e-7)


def test_blur_of_independent_colours_has_its_expected_size():
    """Of a pixel's difference from luma, three quarters of the variance lie within squares of four pixels."""
    x = drawn(40, 3, 32, 32, seed=6)
    change = (colour_blurred(x) - x).square().mean((0, 2, 3)).sqrt()
    shares = torch.tensor(SHARES, dtype=torch.float64)
    expected = ((torch.eye(3, dtype=torch.float64) - shares).square().sum(1) / 12 * 3 / 4).sqrt()
    torch.testing.assert_close(change, expected, rtol=0.02, atol=0)


def test_gradients_pass_a_map_made_in_inference_mode():
    with torch.inference_mode():
        transform = JPEGTransform.of(drawn(1, 3, 4, 4))
    z = torch.zeros(1, transform.count, dtype=torch.float64, requires_grad=True)
    transform(z).sum().backward()
    assert z.grad is not None
    assert z.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@sizes
def test_examples_do_not_depend_on_their_batch(shape, dtype):
    x = drawn(9, *shape, dtype=dtype)
    transform = JPEGTransform.of(x)
    z = drawn(9, transform.count, seed=7, dtype=dtype) - 0.5
    pixels, blurred = transform(z), colour_blurred(x)
    for index in ([4], [8, 0], [1, 2, 3, 5]):
        assert torch.equal(transform(z[index]), pixels[index])
        assert torch.equal(colour_blurred(x[index]), blurred[index])


def test_squares_that_reach_over_an_edge_count_whole():
    transform = JPEGTransform.of(drawn(1, 3, 16, 16))
    assert (transform.grid, transform.count) == ((1, 1), 384)
    assert replace(transform, shape=(3, 17, 16)).count == 768
    assert replace(transform, shape=(1, 17, 9)).count == 6 * 64
