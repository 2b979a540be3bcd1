import pytest
import torch
import torch.nn.functional as F

from hauberk.attacks import PGD
from hauberk.bounds import Interval
from hauberk.concepts.noise import Noise
from hauberk.concepts.schedule import Progress
from hauberk.errors import InputError, UnsupportedSetError
from hauberk.losses import CrossEntropy, Margin
from hauberk.objectives import SABR, Certified
from hauberk.schedules import Constant
from hauberk.sets.small_box import small_box
from hauberk.threats import L2Ball, LinfBall
from laws.networks import images, labels, network

B, THREAT, ATTACK = 12, LinfBall(0.05), PGD(Margin(), 3, 0.4, False)


def loss(objective, graph, x, y, threat=THREAT):
    noise = Noise.of(0, torch.arange(len(y)))
    return objective(graph, x, y, threat, progress=Progress(0, 1, 1), noise=noise).loss


def boxed(share):
    return SABR(Interval(), ATTACK, share, CrossEntropy(), Constant(0.0))


@pytest.mark.parametrize("name", ["dense", "convolutional", "residual"])
def test_its_ends_are_interval_training_and_adversarial_training(name):
    graph, x, y = network(name, 1), images(B, 1), labels(B, 1)
    bound = loss(Certified(Interval(), CrossEntropy(), Constant(0.0)), graph, x, y)
    torch.testing.assert_close(loss(boxed(1.0), graph, x, y), bound, rtol=0, atol=1e-6)
    z = ATTACK(graph.run(x)[1].folded(), THREAT.at(x), y, noise=Noise.of(0, torch.arange(B)).fold(0))
    torch.testing.assert_close(loss(boxed(0.0), graph, x, y), F.cross_entropy(graph(z), y), rtol=0, atol=1e-6)


def test_smaller_boxes_have_smaller_losses():
    graph, x, y = network("convolutional", 2), images(B, 2), labels(B, 2)
    losses = [loss(boxed(share), graph, x, y) for share in (0.0, 0.1, 0.4, 0.9, 1.0)]
    assert losses == sorted(losses)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.9, 1.0])
def test_a_small_box_lies_in_the_set_and_as_near_the_point_as_it_fits(share):
    x = torch.rand(B, 1, 4, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    S = LinfBall(0.3).at(x)
    z = S.sample(Noise.of(1, torch.arange(B)))
    box = small_box(S, z, share).bounding_box()
    assert S.contains(box.lower, atol=1e-12).all()
    assert S.contains(box.upper, atol=1e-12).all()
    torch.testing.assert_close(box.upper - box.lower, share * (S.box.upper - S.box.lower))
    moved = (box.center - z).abs() > 1e-12
    at_border = ((box.lower - S.box.lower).abs() < 1e-12) | ((box.upper - S.box.upper).abs() < 1e-12)
    assert (at_border | ~moved).all()


def test_what_is_no_box_and_a_share_outside_its_range_are_refused():
    graph, x, y = network("dense", 3), images(B, 3), labels(B, 3)
    with pytest.raises(UnsupportedSetError, match="small boxes are cut out of boxes, but the set is a L2Set"):
        loss(boxed(0.5), graph, x, y, L2Ball(0.3))
    with pytest.raises(InputError, match=r"share to be a share, from 0 to 1, but it is 1\.5"):
        boxed(1.5)
