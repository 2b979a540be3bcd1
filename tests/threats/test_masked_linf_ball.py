"""The l_inf ball on some of the pixels: its box, pixel by pixel, and the masks that it refuses."""

import math

import pytest
import torch

from hauberk.concepts.noise import Noise
from hauberk.errors import InputError, ShapeError
from hauberk.threats import LinfBall, MaskedLinfBall
from laws.networks import SHAPE, images

B = 5
DTYPE = torch.float64
PATCH = torch.zeros(SHAPE, dtype=torch.bool)
PATCH[:, 1:3, :2] = True


def test_masked_pixels_have_the_balls_interval_and_all_others_their_value():
    x = images(B, 0)
    box = MaskedLinfBall("1/8", PATCH).at(x).box
    for place in range(x[0].numel()):
        pixel, reach = x.flatten(1)[:, place], 0.125 if PATCH.flatten()[place] else 0.0
        assert torch.equal(box.lower.flatten(1)[:, place], (pixel - reach).clamp(min=0))
        assert torch.equal(box.upper.flatten(1)[:, place], (pixel + reach).clamp(max=1))


def test_a_full_mask_is_the_linf_ball():
    x, eps = images(B, 1), torch.linspace(0, 0.5, B, dtype=DTYPE)
    found, ball = MaskedLinfBall(eps, torch.ones(1)).at(x), LinfBall(eps).at(x)
    c = torch.randn(B, 3, *SHAPE, generator=torch.Generator().manual_seed(1), dtype=DTYPE)
    assert torch.equal(found.support_function(c), ball.support_function(c))
    assert torch.equal(found.radius, ball.radius)
    noise = Noise.of(0, torch.arange(B))
    assert torch.equal(found.sample(noise), ball.sample(noise))


def test_the_support_function_is_that_of_the_masked_coefficients():
    x = images(B, 2)
    c = torch.randn(B, 3, *SHAPE, generator=torch.Generator().manual_seed(2), dtype=DTYPE)
    S = MaskedLinfBall(0.25, PATCH, None).at(x)
    expected = (c * x[:, None]).flatten(2).sum(2) + 0.25 * c[..., 1:3, :2].abs().flatten(2).sum(2)
    torch.testing.assert_close(S.support_function(c), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.uint8, torch.bool], ids=str)
def test_masks_of_every_type_are_true_where_not_zero(dtype):
    x = images(B, 3)
    mask = torch.tensor([0, 1, 3, 0], dtype=dtype)
    free = MaskedLinfBall(1.0, mask).at(x).box.radius > 0
    assert torch.equal(free, torch.tensor([False, True, True, False]).expand_as(x))


def test_a_mask_of_pixels_holds_for_every_colour():
    x = images(B, 4).expand(B, 3, 4, 4).contiguous()
    box = MaskedLinfBall(1.0, PATCH[0]).at(x).box
    assert torch.equal(box.upper, torch.where(PATCH[0], 1, x))


def test_masks_per_example_are_their_own_and_survive_selection():
    x = images(B, 5)
    mask = torch.rand(B, *SHAPE, generator=torch.Generator().manual_seed(5)) < 0.4
    mask[3] = False
    threat, index = MaskedLinfBall(0.2, mask), torch.tensor([4, 1, 3])
    S = threat.at(x)
    for example in range(B):
        alone = MaskedLinfBall(0.2, mask[example]).at(x[example : example + 1])
        assert torch.equal(alone.box.lower[0], S.box.lower[example])
        assert torch.equal(alone.radius[0], S.radius[example])
    assert S.radius.tolist() == [0.2, 0.2, 0.2, 0.0, 0.2]
    chosen = MaskedLinfBall(0.2, mask[index]).at(x[index])
    assert torch.equal(S.select(index).box.upper, chosen.box.upper)
    assert torch.equal(threat.scaled(2).at(x).box.upper, torch.where(mask, (x + 0.4).clamp(max=1), x))


def test_pixels_that_stay_are_exactly_the_inputs_in_float32():
    x = images(B, 6, torch.float32)
    for S in (MaskedLinfBall(0.3, PATCH).at(x), MaskedLinfBall(0.3, PATCH).scaled(0.1).at(x).to(torch.float64)):
        z = S.sample(Noise.of(0, torch.arange(B)))
        assert z.dtype == S.start.dtype
        assert torch.equal(torch.where(PATCH, 0, z), torch.where(PATCH, 0, x).to(z.dtype))


def test_its_name_tells_masks_of_other_sizes_apart():
    assert MaskedLinfBall(0.1, PATCH).name == "linf on 0.25 of the pixels, eps 0.1"
    assert MaskedLinfBall(torch.ones(2), PATCH).name == "linf on 0.25 of the pixels, eps per example"


@pytest.mark.parametrize("value", [math.nan, math.inf], ids=str)
def test_masks_that_are_not_finite_are_refused(value):
    mask = torch.ones(SHAPE)
    mask[0, 2, 2] = value
    with pytest.raises(InputError, match=f"1 of its 16 values are not: {value}"):
        MaskedLinfBall(0.1, mask)


def test_masks_that_do_not_fit_are_refused(unchecked):
    x = images(B, 7)
    for shape in [(5,), (2, 4), (2, 4, 4), (3, 1, 4, 4), (1, B, *SHAPE), (0,)]:
        with pytest.raises(ShapeError, match=r"broadcast to an example's shape \(1, 4, 4\)"):
            MaskedLinfBall(0.1, torch.ones(shape)).at(x)
    with pytest.raises(ShapeError, match=r"must be a tensor.*torch\.as_tensor"):
        MaskedLinfBall(0.1, [[True]])
    with pytest.raises(InputError, match="eps"):
        MaskedLinfBall(-0.1, PATCH)
