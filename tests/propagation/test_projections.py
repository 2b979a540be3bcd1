"""Random projections of generators: what is drawn, what it becomes on the way, and what it says of norms."""

import numpy as np
import pytest
import torch
from scipy import stats

from hauberk.bounds import Interval
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.propagation.forward_pass import Form, ForwardPass
from hauberk.propagation.projections import CAUCHY, GAUSSIAN, Projections, cauchy, stream
from hauberk.threats import LinfBall
from hauberk.threats.linf_ball import LinfSet
from laws.networks import SHAPE, images, network

DTYPE = torch.float64
NOISE = Noise.of(5, torch.arange(3))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_draws_are_standard_cauchy(dtype):
    drawn = cauchy(NOISE.common, (5000, 4), dtype)
    assert drawn.shape == (1, 5000, 4)
    assert drawn.dtype == dtype
    assert stats.kstest(drawn.flatten().double().numpy(), "cauchy").pvalue > 1e-3


def test_blocks_are_the_drawn_combinations_of_the_generators():
    """Written out as matrices: the input's generators and those of the first ReLU, times what is drawn for each."""
    captured, rows = network("dense", 3), 6
    graph, module = captured.frozen(), captured.module
    S = LinfBall(torch.tensor([0.1, 0.3, 0.2], dtype=DTYPE)).at(images(3, 3))
    boxes = Interval().boxes(graph, S, outward=False)
    source = stream(S, NOISE)
    forward = ForwardPass(graph, boxes, Projections(S, rows, source), False)
    form = [forward.advance(index) for index in (1, 2, 3, 4)][-1]
    low, high = boxes[2].lower, boxes[2].upper
    unstable = (low < 0) & (high > 0)
    slope = torch.where(unstable, high / (high - low), (low >= 0).to(DTYPE))
    half = torch.where(unstable, -low * slope / 2, 0)
    first, second = (cauchy(source.fold(key), (rows, size), DTYPE) for key, size in ((0, 16), (3, 8)))
    inputs = (first * S.box.radius.flatten(1)[:, None]) @ module[1].weight.T
    expected = (inputs * slope[:, None] + second * half[:, None]) @ module[3].weight.T
    assert unstable.any(1).all()
    torch.testing.assert_close(form.blocks[CAUCHY], expected, rtol=1e-12, atol=1e-12)
    center = module[1](S.box.center.flatten(1)) * slope + half
    torch.testing.assert_close(form.center, module[3](center), rtol=0, atol=1e-12)


def test_the_median_of_many_projections_estimates_an_l1_norm_and_the_sums_at_relaxed_neurons_of_both_signs():
    """Equation (3.86) with d = l on unstable neurons and 0 elsewhere; both sums share one median."""
    generator = torch.Generator().manual_seed(0)
    nu, low = (torch.randn(30, generator=generator, dtype=DTYPE) for _ in range(2))
    low = torch.where(torch.rand(30, generator=generator) < 0.6, -low.abs(), 0)
    drawn = cauchy(Noise.of(1, torch.arange(1)), (100_000, 30), DTYPE)[0]
    assert np.median(abs(drawn @ nu)) == pytest.approx(nu.abs().sum().item(), rel=0.02)
    median = np.median(abs((drawn * low) @ nu))
    for sign in (1, -1):
        exact = (low * (sign * nu).clamp(min=0)).sum().item()
        assert (-median + sign * (nu @ low).item()) / 2 == pytest.approx(exact, rel=0.02)


def test_examples_share_a_stream_and_what_has_no_projections_is_refused():
    S = LinfBall(0.1).at(images(3, 0))
    assert torch.equal(stream(S, NOISE).keys, stream(S, NOISE.select(torch.tensor([2]))).keys)
    with pytest.raises(InputError, match=r"Noise\.of"):
        stream(S, None)

    class Diamond(LinfSet):
        p, is_box = 1.0, False

    class Cube(LinfSet):
        p, is_box = 3.0, False

    for kind in (Diamond, Cube):
        with pytest.raises(UnsupportedSetError, match=kind.__name__):
            stream(kind(S.start, S.radius, S.box, S.within), NOISE)


def test_the_magnitude_is_about_the_sum_of_absolute_generators():
    S = LinfBall(0.2).at(images(3, 1))
    carrier = Projections(S, 4000, stream(S, NOISE))
    form = carrier.start()
    expected = form.center.abs() + S.box.radius
    assert form.center.shape[1:] == SHAPE
    torch.testing.assert_close(carrier.magnitude(form), expected, rtol=0.2, atol=0)


def test_the_magnitude_is_that_of_the_centre_the_root_mean_square_and_the_geometric_mean():
    S = LinfBall(0.2).at(images(2, 1))
    carrier = Projections(S, 3, stream(S, NOISE))
    center = torch.tensor([[-2.0, 3.0]], dtype=DTYPE)
    normal = torch.tensor([[[3.0, -1.0], [0.0, 2.0], [-6.0, 2.0]]], dtype=DTYPE)
    heavy = torch.tensor([[[2.0, -1.0], [-4.0, 3.0], [1.0, 9.0]]], dtype=DTYPE)
    found = carrier.magnitude(Form(center, {GAUSSIAN: normal, CAUCHY: heavy}))
    expected = torch.tensor([[2 + 15**0.5 + 2.0, 3 + 3**0.5 + 3.0]], dtype=DTYPE)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)
    torch.testing.assert_close(carrier.magnitude(Form(center, {})), center.abs())
