"""Boxes that the user gives."""

import math

import pytest
import torch

from hauberk.concepts.noise import Noise
from hauberk.errors import InputError, ShapeError
from hauberk.threats import GivenBox, LinfBall
from laws.networks import SHAPE, images

B = 5
DTYPE = torch.float64


def drawn(seed=0, examples=B):
    """Return inputs and an uneven box around them."""
    x = images(examples, seed)
    generator = torch.Generator().manual_seed(seed)
    down, up = (0.3 * torch.rand(x.shape, generator=generator, dtype=DTYPE) for _ in range(2))
    return x, x - down, x + up


def test_the_set_is_the_box_cut_by_the_range():
    x, lower, upper = drawn()
    S = GivenBox(lower, upper).at(x)
    torch.testing.assert_close(S.box.lower, lower.clamp(min=0), rtol=0, atol=1e-15)
    torch.testing.assert_close(S.box.upper, upper.clamp(max=1), rtol=0, atol=1e-15)
    free = GivenBox(lower, upper, None).at(x)
    assert torch.equal(free.box.lower, lower)
    assert torch.equal(free.box.upper, upper)
    assert torch.equal(S.start, x)
    assert torch.equal(S.radius, torch.maximum(x - lower, upper - x).flatten(1).amax(1))
    assert torch.equal(GivenBox(lower, upper).eps, (upper - lower).flatten(1).amax(1) / 2)


def test_a_cube_around_the_input_is_the_linf_ball():
    x = images(B, 1)
    given, ball = GivenBox(x - 0.1, x + 0.1).at(x), LinfBall(0.1).at(x)
    c = torch.randn(B, 3, *SHAPE, generator=torch.Generator().manual_seed(1), dtype=DTYPE)
    torch.testing.assert_close(given.support_function(c), ball.support_function(c), rtol=0, atol=1e-12)
    torch.testing.assert_close(given.radius, ball.radius, rtol=0, atol=1e-12)
    noise = Noise.of(0, torch.arange(B))
    torch.testing.assert_close(given.sample(noise), ball.sample(noise), rtol=0, atol=1e-12)


@pytest.mark.parametrize("factor", [0.25, torch.tensor([0.0, 0.5, 1.0, 1.5, 9.0], dtype=DTYPE)], ids=str)
def test_scaled_stretches_the_box_about_the_inputs(factor):
    x, lower, upper = drawn(2)
    box = GivenBox(lower, upper, None).scaled(factor).at(x).box
    share = factor.view(-1, 1, 1, 1) if isinstance(factor, torch.Tensor) else factor
    torch.testing.assert_close(box.lower, x - share * (x - lower), rtol=0, atol=1e-14)
    torch.testing.assert_close(box.upper, x + share * (upper - x), rtol=0, atol=1e-14)
    within = GivenBox(lower, upper).scaled(factor).at(x).box
    assert within.lower.min() >= 0
    assert within.upper.max() <= 1


def test_one_row_is_the_box_of_every_input():
    x = images(B, 3)
    lower, upper = torch.zeros(1, *SHAPE, dtype=DTYPE), torch.ones(1, *SHAPE, dtype=DTYPE)
    box = GivenBox(lower, upper).at(x).box
    assert torch.equal(box.lower, torch.zeros_like(x))
    assert torch.equal(box.upper, torch.ones_like(x))


def test_the_input_stays_in_a_box_of_another_precision():
    x, lower, upper = drawn(4)
    for S in (GivenBox(x, upper).at(x.float()), GivenBox(lower, x).at(x.float())):
        assert S.start.dtype == S.box.lower.dtype == torch.float32
        assert S.contains(S.start).all()


@pytest.mark.parametrize("value", [0.75, math.nan, math.inf], ids=str)
def test_bounds_that_make_no_box_are_refused(value):
    _x, lower, upper = drawn(5)
    upper[2, 0, 1, 1], lower[2, 0, 1, 1] = 0.5, value
    with pytest.raises(InputError, match=rf"1 of its 80 intervals.*\[{value}, 0\.5\]"):
        GivenBox(lower, upper)


def test_an_input_outside_its_box_is_refused():
    x, lower, upper = drawn(6)
    x[1, 0, 2, 3] = 0.9
    upper[1, 0, 2, 3], lower[1, 0, 2, 3] = 0.8, 0.25
    with pytest.raises(InputError, match=r"1 values do not: 0\.9 is not in \[0\.25, 0\.8\]"):
        GivenBox(lower, upper).at(x)


def test_bounds_of_other_shapes_are_refused(unchecked):
    x, lower, upper = drawn(7)
    with pytest.raises(ShapeError, match="one shape"):
        GivenBox(lower, upper[:, :, 1:])
    with pytest.raises(ShapeError, match="one shape"):
        GivenBox(lower.flatten(), upper.flatten())
    for wrong in (x[:3], x[:, :, 1:], x.flatten(1)):
        with pytest.raises(ShapeError, match="bounds for each"):
            GivenBox(lower, upper).at(wrong)


@pytest.mark.parametrize("scale", [-0.5, math.nan])
def test_a_scale_that_is_none_is_refused_by_its_name(scale):
    _x, lower, upper = drawn(8)
    with pytest.raises(InputError, match="scale to be a number, 0 or more"):
        GivenBox(lower, upper).scaled(scale)
