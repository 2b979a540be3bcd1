"""Changes of colours, and the boxes of what pixels can become."""

import pytest
import torch

from hauberk.concepts.noise import Noise
from hauberk.errors import InputError, ShapeError
from hauberk.sets.box_set import BoxSet
from hauberk.sets.colour_space import to_luv, to_rgb
from hauberk.threats import Recolor

SMALL = (4, 5, 6)


def drawn(*shape, seed=0, dtype=torch.float32):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def hard(channels, dtype=torch.float32, seed=0):
    """Images whose pixels are black, white, saturated, dark and ordinary."""
    corners = torch.cartesian_prod(*channels * [torch.tensor([0.0, 1.0], dtype=dtype)]).view(-1, channels)
    drawings = drawn(64 - len(corners), channels, seed=seed, dtype=dtype)
    drawings[::3] = drawings[::3] ** 4
    drawings[1::6] = drawings[1::6] * 10 ** (-8 * drawn(len(drawings[1::6]), 1, dtype=dtype))
    drawings[2::6] = drawings[2::6].round(decimals=1)
    return torch.cat([corners, drawings]).T.reshape(1, channels, 8, 8).contiguous()


def moves(S, seed=0):
    """Random displacements, at the corners of the set more often than not."""
    z = 4 * drawn(*S.start.shape, seed=seed, dtype=S.start.dtype) - 2
    return S.project(S.radius.view(-1, *(1,) * (z.ndim - 1)) * z)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("scale", [1.0, 255.0])
def test_no_displacement_leaves_inputs_exactly_as_they_are(dtype, channels, scale):
    x = scale * torch.cat(
        [hard(channels, dtype), drawn(3, channels, 7, 5, dtype=dtype).repeat(1, 1, 2, 2)[..., :8, :8]]
    )
    for eps in (0.0, 0.06, 3.0):
        S = Recolor(eps, (0.0, scale), SMALL).at(x)
        assert torch.equal(S.decode(S.start), x)
        torch.testing.assert_close(S.rest, x / scale, rtol=0, atol=3e-5)


def test_grids_are_those_of_the_threat():
    assert Recolor().at(drawn(2, 3, 4, 4)).start.shape == (2, 16, 32, 32, 3)
    assert Recolor().at(drawn(2, 1, 4, 4)).start.shape == (2, 16, 1)
    assert Recolor(resolution=SMALL).at(drawn(2, 3, 4, 4)).start.shape == (2, *SMALL, 3)


@pytest.mark.parametrize("channels", [1, 3])
def test_a_constant_displacement_moves_every_colour_by_it(channels):
    x = 0.3 + 0.4 * drawn(2, channels, 4, 4, dtype=torch.float64)
    S = Recolor(0.1, resolution=SMALL).at(x)
    move = torch.tensor([0.05, 0.01, -0.02], dtype=torch.float64)[:channels]
    found = to_luv(S.decode(S.start + move).movedim(1, -1))
    torch.testing.assert_close(found, to_luv(x.movedim(1, -1)) + move, rtol=0, atol=1e-10)


@pytest.mark.parametrize("channels", [1, 3])
def test_displacements_are_interpolated_between_colours_of_the_grid(channels):
    x = 0.3 + 0.4 * drawn(2, channels, 4, 4, dtype=torch.float64)
    S = Recolor(0.5, resolution=SMALL).at(x)
    slope, offset = (
        drawn(channels, channels, dtype=torch.float64) / 20,
        drawn(channels, seed=1, dtype=torch.float64) / 50,
    )
    z = (S.grid @ slope + offset).expand(2, *S.grid.shape)  # interpolation of linear functions is exact
    luv = to_luv(x.movedim(1, -1))
    expected = to_rgb(luv + luv @ slope + offset).movedim(-1, 1).clamp(0, 1)
    torch.testing.assert_close(S.decode(z), expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("exact", [True, False])
def test_only_colours_near_a_point_of_the_grid_move_with_it(exact):
    grid = Recolor(0.5, resolution=(3, 3, 3), exact=exact).at(drawn(1, 3, 4, 4, dtype=torch.float64)).grid
    vertex = to_rgb(grid[1, 1, 1])
    x = torch.stack([vertex, torch.tensor([0.01, 0.0, 0.02], dtype=torch.float64)], 1).view(1, 3, 1, 2)
    S = Recolor(0.5, resolution=(3, 3, 3), exact=exact).at(x)
    z = torch.zeros_like(S.start)
    z[0, 1, 1, 1] = torch.tensor([0.1, 0.02, 0.01])
    change = (S.decode(z) - S.decode(S.start)).abs().amax(1).flatten()
    assert change[0] > 0.05
    assert change[1] < 0.02


@pytest.mark.parametrize("exact", [True, False])
def test_a_colour_becomes_one_colour_wherever_it_is(exact):
    few = drawn(5, 3)
    index = torch.randint(5, (2, 9, 7), generator=torch.Generator().manual_seed(0))
    S = Recolor(0.2, resolution=SMALL, exact=exact).at(few[index].movedim(-1, 1).contiguous())
    image = S.decode(moves(S)).movedim(1, -1)
    for example in range(2):
        for colour in range(5):
            new = image[example][index[example] == colour]
            torch.testing.assert_close(new, new[:1].expand_as(new), rtol=0, atol=1e-6)


def test_greys_stay_in_order_where_displacements_rise():
    x = torch.linspace(0, 1, 64, dtype=torch.float64).view(1, 1, 8, 8)
    S = Recolor(0.1).at(x)
    z = 0.1 * torch.linspace(-1, 1, 16, dtype=torch.float64).view(1, 16, 1)
    image = S.decode(z).flatten()
    assert (image.diff() >= -1e-15).all()
    assert (image[x.flatten() < 0.3] <= x.flatten()[x.flatten() < 0.3]).all()
    assert (image[x.flatten() > 0.6] >= x.flatten()[x.flatten() > 0.6]).all()


def test_roughness_counts_each_pair_of_neighbours_from_both_sides():
    S = Recolor(1.0, resolution=(2, 2, 2)).at(drawn(1, 3, 2, 2, dtype=torch.float64))
    z = torch.zeros_like(S.start)
    z[0, 0, 0, 0] = torch.tensor([0.2, 0.3, 0.6])
    torch.testing.assert_close(S.roughness(z), torch.tensor([4.2]).double(), rtol=1e-4, atol=0)
    S = Recolor(1.0).at(drawn(1, 1, 2, 2, dtype=torch.float64))
    z = torch.zeros_like(S.start)
    z[0, 3] = 0.5
    torch.testing.assert_close(S.roughness(z), torch.tensor([2.0]).double(), rtol=1e-3, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("channels", "exact"), [(1, True), (3, True), (3, False)])
@pytest.mark.parametrize("within", [(0.0, 1.0), (-3.0, 255.0)])
@pytest.mark.parametrize("eps", [0.0, 1e-5, 1e-3, 0.06, 1.0])
def test_boxes_hold_every_image_that_displacements_make(dtype, channels, exact, within, eps):
    low, high = within
    x = (low + (high - low) * hard(channels, dtype)).clamp(low, high).expand(20, -1, -1, -1)
    S = Recolor(eps, within, (3, 4, 4), exact).at(x)
    box = S.cover().bounding_box()
    one = S.start[:, :1] if channels == 1 else S.start[:, :1, :1, :1]
    for seed in range(5):
        constant = S.radius[0] * drawn(*one.shape, seed=seed, dtype=dtype).sub(0.5).sign()
        for z in (moves(S, seed), (S.start + constant)):
            image = S.decode(z)
            assert (box.lower <= image).all()
            assert (image <= box.upper).all()
            assert (image >= low).all()
            assert (image <= high).all()


@pytest.mark.parametrize("eps", [1e-5, 1e-3, 0.06])
def test_boxes_in_single_precision_hold_what_is_computed_in_double(eps):
    x = hard(3).expand(20, -1, -1, -1)
    S = Recolor(eps, resolution=(3, 4, 4)).at(x)
    box, T = S.cover().bounding_box(), S.to(torch.float64)
    z = moves(S, 1)
    image = T.decode(z.double())
    assert (box.lower <= image).all()
    assert (image <= box.upper).all()


@pytest.mark.parametrize("eps", [1e-4, 0.02, 0.3])
def test_boxes_of_greys_end_at_images_of_the_set(eps):
    S = Recolor(eps).at(hard(1, torch.float64))
    box = S.cover().bounding_box()
    torch.testing.assert_close(S.decode(S.start - eps), box.lower, rtol=0, atol=1e-13)
    torch.testing.assert_close(S.decode(S.start + eps), box.upper, rtol=0, atol=1e-13)


@pytest.mark.parametrize("eps", [0.003, 0.02, 0.06])
def test_boxes_of_colours_are_little_wider_than_what_pixels_become(eps):
    S = Recolor(eps, resolution=(2, 2, 2)).at(0.1 + 0.9 * drawn(1, 3, 12, 12, dtype=torch.float64))
    box = S.cover().bounding_box()
    steps = eps * torch.cartesian_prod(torch.linspace(-1, 1, 7), *2 * [torch.tensor([-1.0, 1.0])]).double()
    least, most = torch.cat([S.decode(S.start + step) for step in steps]).aminmax(dim=0)
    assert ((box.upper - box.lower).mean() <= 1.1 * (most - least).mean()).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_covers_are_boxes_of_the_inputs_shape_that_grow_with_the_radius(channels):
    x = hard(channels)
    small, large = (Recolor(eps, resolution=SMALL).at(x).cover() for eps in (0.01, 0.02))
    assert isinstance(small, BoxSet)
    assert torch.equal(small.start, x)
    assert small.within == (0.0, 1.0)
    assert (large.box.lower <= small.box.lower).all()
    assert (large.box.upper >= small.box.upper).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_ends_of_covers_have_slopes_in_the_radius(channels):
    x = hard(channels, torch.float64)
    eps = torch.tensor([0.03], dtype=torch.float64, requires_grad=True)
    box = Recolor(eps, resolution=SMALL).at(x).cover().bounding_box()
    (slope,) = torch.autograd.grad((box.upper - box.lower).sum(), eps)
    above, below = (Recolor(0.03 + d, resolution=SMALL).at(x).cover().bounding_box() for d in (1e-6, -1e-6))
    widths = [(box.upper - box.lower).sum() for box in (above, below)]
    torch.testing.assert_close(slope[0], (widths[0] - widths[1]) / 2e-6, rtol=1e-3, atol=0)


@pytest.mark.parametrize(("channels", "exact"), [(1, True), (3, True), (3, False)])
def test_gradients_are_finite_for_black_white_and_saturated_pixels(channels, exact):
    S = Recolor(0.5, resolution=SMALL, exact=exact).at(hard(channels))
    for z in (S.start, S.sample(Noise.of(0, torch.arange(1))), S.start + 0.5, S.start - 0.5):
        z = z.clone().requires_grad_()
        (slope,) = torch.autograd.grad(S.decode(z).sum() + S.roughness(z).sum(), z)
        assert slope.isfinite().all()
        assert (slope != 0).any()


@pytest.mark.parametrize("channels", [1, 3])
def test_gradients_are_those_of_central_differences(channels):
    S = Recolor(0.1, resolution=(3, 4, 4)).at(0.2 + 0.6 * drawn(1, channels, 5, 5, dtype=torch.float64))
    z, direction = moves(S).requires_grad_(), moves(S, 1)
    weight = drawn(1, channels, 5, 5, seed=2, dtype=torch.float64)
    (slope,) = torch.autograd.grad((weight * S.decode(z)).sum(), z)
    with torch.no_grad():
        above, below = ((weight * S.decode(z + h * direction)).sum() for h in (1e-6, -1e-6))
    torch.testing.assert_close((slope * direction).sum(), (above - below) / 2e-6, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("channels", "exact"), [(1, True), (3, True), (3, False)])
def test_an_example_is_the_same_in_every_batch(channels, exact):
    S = Recolor(0.1, resolution=SMALL, exact=exact).at(drawn(4, channels, 5, 3))
    z = moves(S)
    for index in (torch.tensor([2]), torch.tensor([3, 1, 0])):
        T = S.select(index)
        torch.testing.assert_close(T.decode(z[index]), S.decode(z)[index], rtol=0, atol=1e-6)
        assert torch.equal(T.decode(T.start), T.images) == exact
        torch.testing.assert_close(T.cover().box.lower, S.cover().box.lower[index], rtol=0, atol=1e-6)


def test_the_published_form_keeps_colours_that_the_grid_and_the_screen_know():
    x = hard(3)
    S = Recolor(0.06, exact=False).at(x)
    known = ((S.luv > 0) & (S.luv < 1)).all(-1)
    image = S.recoloured(S.start).movedim(1, -1)  # the identity on the grid, not cut
    torch.testing.assert_close(image[known], x.movedim(1, -1)[known], rtol=0, atol=1e-3)
    assert (image - x.movedim(1, -1)).abs().max() > 0.05  # saturated colours leave the grid
    grey = (0.4 + 0.2 * drawn(1, 1, 4, 4)).expand(-1, 3, -1, -1).contiguous()
    S = Recolor(0.06, exact=False).at(grey)
    torch.testing.assert_close(S.decode(S.start), grey, rtol=0, atol=1e-3)


def test_the_cover_of_the_published_form_holds_what_it_shows_at_rest():
    images = (drawn(3, 3, 4, 4) > 0.5).float()
    for exact in (False, True):
        cover = Recolor(0.01, exact=exact).at(images).cover()
        assert cover.contains(cover.start).all()


def test_the_published_form_cuts_the_grid_to_the_screen_as_far_as_the_radius_lets_it():
    S = Recolor(0.06, exact=False).at(drawn(1, 3, 2, 2))
    moved = S.shown(S.start).abs()
    assert moved.max() <= 0.06
    assert 0.65 < (moved > 0.01).any(-1).float().mean() < 0.75  # measured of the published code: 71 %
    wide = Recolor(9.0, exact=False, resolution=SMALL).at(drawn(1, 3, 2, 2))
    rgb = to_rgb(wide.grid + wide.shown(moves(wide)))
    assert rgb.min() > -1e-4
    assert rgb.max() < 1 + 1e-4


def test_names_tell_threats_apart():
    assert Recolor().name == "recolor eps 0.06"
    assert Recolor(0.1, resolution=(8, 9, 10)).name == "recolor eps 0.1, grid 8 x 9 x 10"
    assert Recolor(exact=False).name == "recolor eps 0.06, as published"


def test_shapes_that_are_no_images_and_ranges_that_are_none_are_refused():
    for shape in ((2, 5), (2, 2, 4, 4), (2, 4, 4, 4), (2, 3, 4)):
        with pytest.raises(ShapeError, match="colours need images"):
            Recolor().at(torch.zeros(shape))
    with pytest.raises(ShapeError, match="exact=True"):
        Recolor(exact=False).at(torch.zeros(2, 1, 4, 4))
    for within in (None, (1.0, 1.0)):
        with pytest.raises(InputError, match=r"black and white|low < high"):
            Recolor(within=within)
    with pytest.raises(InputError, match="at least 2"):
        Recolor(resolution=(16, 1, 32))
