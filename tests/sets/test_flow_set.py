"""Flows, and the boxes of what pixels can show."""

import math

import pytest
import torch
import torch.nn.functional as F

from hauberk.architectures import LinfDistNet
from hauberk.capture import capture
from hauberk.concepts.noise import Noise
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import ShapeError
from hauberk.sets.box_set import BoxSet
from hauberk.threats import Flow
from hauberk.verification import LipschitzMargin


def drawn(*shape, seed=0, dtype=torch.float32):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def flows(S, seed=0):
    """Random flows, at the ends of the set more often than not."""
    z = S.start + S.radius.view(-1, 1, 1, 1) * (4 * drawn(*S.start.shape, seed=seed, dtype=S.start.dtype) - 2)
    return S.project(z)


def test_no_flow_leaves_inputs_exactly_as_they_are():
    x = drawn(3, 2, 7, 5)
    for eps in (0.0, 0.05, 3.0):
        S = Flow(eps).at(x)
        assert torch.equal(S.decode(S.start), x)
    torch.testing.assert_close(S.looked(S.start), x, rtol=0, atol=1e-5)


def test_whole_pixels_are_shown_where_flows_are_whole():
    x = drawn(2, 3, 6, 8, dtype=torch.float64)
    S = Flow(1.0).at(x)
    z = torch.zeros_like(S.start)
    z[..., 0], z[..., 1] = 2 * 2 / 8, -1 * 2 / 6  # two to the right, one up
    rows, columns = (torch.arange(6) - 1).clamp(0), (torch.arange(8) + 2).clamp(max=7)
    torch.testing.assert_close(S.decode(z), x[:, :, rows][:, :, :, columns], rtol=0, atol=1e-12)


def test_roughness_counts_each_pair_of_neighbours_from_both_sides():
    S = Flow(1.0).at(drawn(1, 1, 2, 2, dtype=torch.float64))
    z = torch.zeros_like(S.start)
    z[0, 0, 0] = torch.tensor([0.3, 0.4])
    torch.testing.assert_close(S.roughness(z), torch.tensor([2.0]).double(), rtol=1e-4, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("eps", [0.0, 1e-4, 0.05, 0.31, 1.0, 3.0])
def test_boxes_hold_every_image_that_flows_make(dtype, scale, eps):
    x = scale * drawn(4, 2, 9, 6, seed=3, dtype=dtype).square()
    x[1, :, 2:5] = scale
    S = Flow(eps, within=(0.0, scale)).at(x)
    box = S.cover().bounding_box()
    for seed in range(20):
        image = S.decode(flows(S, seed))
        assert (box.lower <= image).all()
        assert (image <= box.upper).all()
        assert (image >= 0).all()
        assert (image <= scale).all()


@pytest.mark.parametrize("eps", [0.02, 0.2, 0.5])
def test_ends_of_boxes_are_reached_by_flows(eps):
    x = drawn(1, 1, 6, 6, seed=4, dtype=torch.float64)
    S = Flow(eps).at(x)
    box = S.cover().bounding_box()
    steps = torch.linspace(-eps, eps, 241, dtype=torch.float64)
    seen = torch.cat([S.decode(S.start + torch.stack([a, b])) for a in steps for b in steps[::8]])
    shown = torch.cat([S.decode(S.start + torch.stack([b, a])) for a in steps for b in steps[::8]])
    low, high = torch.cat([seen, shown]).aminmax(dim=0)
    torch.testing.assert_close(low, box.lower[0], rtol=0, atol=0.02 * eps)
    torch.testing.assert_close(high, box.upper[0], rtol=0, atol=0.02 * eps)


def test_covers_are_boxes_of_the_inputs_shape_that_grow_with_the_radius():
    x = drawn(2, 3, 5, 4)
    small, large = (Flow(eps).at(x).cover() for eps in (0.1, 0.2))
    assert isinstance(small, BoxSet)
    assert torch.equal(small.start, x)
    assert (large.box.lower <= small.box.lower).all()
    assert (large.box.upper >= small.box.upper).all()


def test_gradients_are_finite_at_rest_and_at_the_edges():
    S = Flow(1.0).at(drawn(2, 1, 5, 5))
    for z in (S.start, S.sample(Noise.of(0, torch.arange(2))), S.start + 1, S.start - 1):
        z = z.clone().requires_grad_()
        (slope,) = torch.autograd.grad(S.decode(z).sum() + S.roughness(z).sum(), z)
        assert slope.isfinite().all()


def test_flows_need_images():
    with pytest.raises(ShapeError, match="flows need images"):
        Flow(0.1).at(torch.zeros(2, 5))


def test_interpolation_is_torchs_own():
    x = drawn(1, 1, 4, 4)
    S = Flow(0.3).at(x)
    z = flows(S)
    grid = F.affine_grid(torch.tensor([[[1.0, 0, 0], [0, 1, 0]]]), [1, 1, 4, 4], align_corners=False) + z
    seen = F.grid_sample(x, grid, padding_mode="border", align_corners=False)
    torch.testing.assert_close(S.decode(z), seen, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("dtype", "side"), [(torch.bfloat16, 300), (torch.float16, 2060)])
def test_half_precision_tells_the_pixels_of_large_images_apart(dtype, side):
    x = drawn(1, 1, side, 3).to(dtype)
    S = Flow(1 / side, within=None).at(x)
    assert torch.equal(S.decode(S.start), x)
    assert (S.rest.float() - x.float()).abs().max() <= torch.finfo(dtype).eps
    box = S.cover().bounding_box()
    image = S.decode(flows(S))
    assert (box.lower <= image).all()
    assert (image <= box.upper).all()


def test_flows_that_are_no_numbers_read_nothing_else():
    S = Flow(0.1).at(drawn(1, 1, 4, 4))
    z = torch.full_like(S.start, math.nan).requires_grad_()
    image = S.decode(z)
    image.sum().backward()
    assert image.isfinite().all()
    assert not S.contains(z.detach()).any()


def test_images_of_almost_nothing_stay_in_their_boxes():
    S = Flow(0.5, within=None).at(1e-44 * (40 * drawn(4, 1, 5, 5)).round())
    box = S.cover().bounding_box()
    for seed in range(20):
        image = S.decode(flows(S, seed))
        assert (box.lower <= image).all()
        assert (image <= box.upper).all()


def test_margins_by_lipschitz_constants_are_no_radii_of_flows():
    torch.manual_seed(0)
    network = LinfDistNet((1, 4, 4), classes=2, hidden=[8]).eval()
    x = drawn(6, 1, 4, 4)
    subject = NetworkSubject(network, capture(network, x[:2]))
    spec = LinearSpec.margins(network(x).argmax(1), 2)
    certificate = LipschitzMargin()(subject, Flow(0.001).at(x), spec)
    assert certificate.verified.any()
    assert certificate.radius is None
