"""Bounds of a first part and attacks on the rest, by the checks of their method card."""

import pytest
import torch
from torch import nn

from hauberk.attacks import FGSM, PGD, RandomMember
from hauberk.bound_training.bounded_pass import BoundedPass
from hauberk.bound_training.latent_attack import cut, latent_margins, linked
from hauberk.bounds import Interval, ShrunkInterval
from hauberk.capture import capture
from hauberk.concepts.box import Box
from hauberk.concepts.noise import Noise
from hauberk.concepts.schedule import Progress
from hauberk.errors import InputError, UnsupportedOpError
from hauberk.losses import CrossEntropy, Margin
from hauberk.objectives import STAPS, TAPS, Certified
from hauberk.schedules import Constant
from hauberk.threats import LinfBall
from laws.networks import images, labels, network

B = 6
LATENT = PGD(Margin(), 8, 0.5, stop_when_broken=False)
ENTROPY, NONE = CrossEntropy(), Constant(0.0)
LATE, EARLY = Progress(0, 1, 1), Progress(0, 1, 1, radius_share=0.5)


def value(objective, graph, x, y, eps, progress=LATE):
    return objective(graph, x, y, LinfBall(eps), progress=progress, noise=Noise.of(0, torch.arange(len(y))))


def box_of(seed=0, shape=(4, 5)):
    ends = torch.rand(2, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).sort(0).values
    return Box(ends[0].requires_grad_(), ends[1].requires_grad_())


def test_gradients_reach_the_nearer_end_as_the_formula_says():
    box = box_of()
    place = 2 * torch.rand(4, 3, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64) - 1
    z = linked(place, box)
    torch.testing.assert_close(z, box.center[:, None] + box.radius[:, None] * place)
    low, high, c = box.lower.detach()[:, None], box.upper.detach()[:, None], 0.5
    width = c * (high - low)
    up, down = torch.autograd.grad(z.sum(), [box.upper, box.lower])
    torch.testing.assert_close(up, (torch.relu(z - (high - width)) / (width + 1e-5)).sum(1), rtol=0, atol=1e-6)
    torch.testing.assert_close(down, (torch.relu((low + width) - z) / (width + 1e-5)).sum(1), rtol=0, atol=1e-6)


def test_an_end_moves_its_points_fully_the_middle_none_and_a_side_without_width_none():
    box = Box(torch.zeros(1, 4).requires_grad_(), torch.tensor([[2.0, 2, 2, 0]]).requires_grad_())
    z = linked(torch.tensor([[[1.0, -1, 0, 1]]]), box)
    up, down = torch.autograd.grad(z.sum(), [box.upper, box.lower])
    torch.testing.assert_close(up, torch.tensor([[1.0, 0, 0, 0]]), rtol=0, atol=1e-4)
    torch.testing.assert_close(down, torch.tensor([[0.0, 1, 0, 0]]), rtol=0, atol=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_estimates_lie_above_the_bound_and_fall_with_the_attack(seed):
    graph, x, y = network("convolutional", seed), images(B, seed), labels(B, seed)
    seen = BoundedPass.of(graph, x, y, LinfBall(0.03))
    bounds = Interval()(seen.graph, seen.S, seen.spec, outward=False)
    margins = latent_margins(seen, bounds.boxes, LATENT, 1, Noise.of(0, torch.arange(B)))
    assert (margins >= bounds.lower - 1e-9).all()
    start = PGD(Margin(), 0, 0.5, stop_when_broken=False)
    assert (
        margins <= latent_margins(seen, bounds.boxes, start, 1, Noise.of(0, torch.arange(B))) + 1e-9
    ).double().mean() > 0.9


def test_each_margin_has_an_attack_of_its_own():
    """In a linear rest the worst corner of every margin is known; FGSM over the whole half of the cube finds it."""
    module = nn.Sequential(
        nn.Flatten(), nn.Linear(16, 7), nn.ReLU(), nn.Linear(7, 6), nn.LeakyReLU(1.0), nn.Linear(6, 4)
    )
    graph, x, y = capture(module.double(), images(2, 0)), images(B, 0), labels(B, 0)
    seen = BoundedPass.of(graph, x, y, LinfBall(0.1))
    boxes = Interval()(seen.graph, seen.S, seen.spec, outward=False).boxes
    corner = FGSM(Margin(), step=2.0, start=RandomMember())
    found = latent_margins(seen, boxes, corner, 1, Noise.of(0, torch.arange(B)))
    rows = seen.spec.rows @ module[5].weight @ module[3].weight
    box = boxes[cut(seen.graph, 1)]
    offset = seen.spec.rows @ (module[5].weight @ module[3].bias + module[5].bias)
    exact = (rows @ box.center[:, :, None])[..., 0] - (rows.abs() @ box.radius[:, :, None])[..., 0] + offset
    torch.testing.assert_close(found, exact, rtol=0, atol=1e-9)


def test_the_loss_is_the_product_and_the_bound_alone_while_the_radius_grows():
    graph, x, y = network("convolutional", 1), images(B, 1), labels(B, 1)
    seen = BoundedPass.of(graph, x, y, LinfBall(0.05))
    plain = value(Certified(Interval(), ENTROPY, NONE), graph, x, y, 0.05)
    taps = TAPS(Interval(), LATENT, 1, ENTROPY, NONE)
    assert torch.equal(value(taps, graph, x, y, 0.05, EARLY).loss, plain.loss)
    bounds = Interval()(seen.graph, seen.S, seen.spec, outward=False)
    noise = Noise.of(0, torch.arange(B)).fold(2)
    margins = latent_margins(seen, bounds.boxes, LATENT, 1, noise)
    product = torch.logsumexp(torch.cat([torch.zeros(B, 1), -bounds.lower], 1), 1)
    product = product * torch.logsumexp(torch.cat([torch.zeros(B, 1), -margins], 1), 1)
    torch.testing.assert_close(value(taps, graph, x, y, 0.05).loss, product.mean())


def test_the_gradient_scale_multiplies_the_estimates_gradient_alone():
    graph, x, y = network("dense", 2), images(B, 2), labels(B, 2)
    parameters = list(graph.module.parameters())
    found = {}
    for scale in (0.0, 1.0, 3.0):
        objective = TAPS(Interval(), LATENT, 1, ENTROPY, NONE, gradient_scale=scale)
        found[scale] = torch.autograd.grad(value(objective, graph, x, y, 0.05).loss, parameters)
    for zero, one, three in zip(*found.values(), strict=True):
        torch.testing.assert_close(three - zero, 3 * (one - zero))
    assert any((one != zero).any() for zero, one in zip(found[0.0], found[1.0], strict=True))


def test_staps_with_whole_boxes_is_taps():
    graph, x, y = network("convolutional", 3), images(B, 3), labels(B, 3)
    attack = FGSM(Margin(), start=RandomMember())
    whole = STAPS(Interval(), LATENT, 1, ENTROPY, NONE, attack=attack, share=1.0)
    torch.testing.assert_close(
        value(whole, graph, x, y, 0.05).loss, value(TAPS(Interval(), LATENT, 1, ENTROPY, NONE), graph, x, y, 0.05).loss
    )
    small = STAPS(Interval(), LATENT, 1, ENTROPY, NONE, attack=attack, share=0.2)
    assert value(small, graph, x, y, 0.05).loss < value(whole, graph, x, y, 0.05).loss


def test_what_cannot_be_cut_is_refused():
    x, y = images(B, 0), labels(B, 0)
    with pytest.raises(InputError, match="between 1 and 1 of the network's 2 activation functions, but should have 2"):
        value(TAPS(Interval(), LATENT, 2, ENTROPY, NONE), network("dense", 0), x, y, 0.05)
    with pytest.raises(UnsupportedOpError, match=r"cannot be cut in two before .*, which reads a value from before"):
        value(TAPS(Interval(), LATENT, 1, ENTROPY, NONE), network("reordered", 0), x, y, 0.05)
    with pytest.raises(InputError, match="TAPS needs activations to be a positive integer, but it is 0"):
        TAPS(Interval(), LATENT, 0, ENTROPY, NONE)
    with pytest.raises(InputError, match=r"STAPS needs share to be a share, from 0 to 1, but it is 1\.5"):
        STAPS(Interval(), LATENT, 1, ENTROPY, NONE, attack=LATENT, share=1.5)


def test_shrunk_intervals_lie_within_intervals_and_end_in_them():
    graph, x, y = network("convolutional", 4), images(B, 4), labels(B, 4)
    seen = BoundedPass.of(graph, x, y, LinfBall(0.05))
    whole = Interval()(seen.graph, seen.S, seen.spec, outward=False).lower
    assert torch.equal(ShrunkInterval(1.0)(seen.graph, seen.S, seen.spec, outward=False).lower, whole)
    shrunk = ShrunkInterval(0.8)(seen.graph, seen.S, seen.spec, outward=False).lower
    assert (shrunk >= whole - 1e-12).all()
    assert (shrunk > whole).any()
    with pytest.raises(InputError, match=r"ShrunkInterval needs share to be a share, from 0 to 1, but it is 2"):
        ShrunkInterval(2)
