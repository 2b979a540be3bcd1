"""Boxes as balls in a weighted l_inf norm: what attacks find in them."""

import pytest
import torch
from torch import nn

from hauberk.attacks import APGD, DDN, FAB, FGSM, FMN, PGD, DeepFool, GaussianNoise, Square, Within
from hauberk.concepts.noise import Noise
from hauberk.errors import UnsupportedSetError
from hauberk.losses import Margin
from hauberk.threats import GivenBox, L2Ball, LinfBall, MaskedLinfBall
from laws.instances import label

DTYPE, B, SHAPE = torch.float64, 40, (1, 6, 6)
MARGIN = Margin()


def generator(seed):
    return torch.Generator().manual_seed(seed)


def drawn(seed, *shape):
    return torch.rand(*shape, generator=generator(seed), dtype=DTYPE)


def noise():
    return Noise.of(0, torch.arange(B))


def classifier(seed):
    """Return a linear network of two classes."""
    module = nn.Sequential(nn.Flatten(), nn.Linear(36, 2, dtype=DTYPE)).requires_grad_(False)
    module[1].weight.copy_(torch.randn(2, 36, generator=generator(seed), dtype=DTYPE))
    module[1].bias.copy_(-0.5 * module[1].weight.sum(1))
    return module


def boxes(x):
    """Return boxes of uneven sides, with the input near their lower ends and a third of the pixels fixed; a mask."""
    fixed = drawn(3, *SHAPE) < 0.3
    low, high = 0.004 * drawn(4, B, *SHAPE), 0.06 * drawn(5, B, *SHAPE)
    given = GivenBox(torch.where(fixed, x, x - low), torch.where(fixed, x, x + high))
    return [given, MaskedLinfBall(0.03, ~fixed)]


@pytest.mark.parametrize("number", [0, 1], ids=["given", "masked"])
@pytest.mark.parametrize(
    "attack",
    [PGD(MARGIN), APGD(MARGIN, 40), *(Within(each) for each in (DeepFool(), FAB(30), FAB(30, targets=0), FMN(60)))],
    ids=label,
)
def test_attacks_break_what_any_attack_on_a_linear_classifier_could(attack, number):
    module, x = classifier(0), 0.3 + 0.4 * drawn(1, B, *SHAPE)
    y = module(x).argmax(1)
    S = boxes(x)[number].at(x)
    weight = module[1].weight
    normals = (weight[None] - weight[y][:, None]).unflatten(2, SHAPE)
    lead = S.support_function(normals) + module[1].bias - module[1].bias[y][:, None]
    lead = lead.scatter(1, y[:, None], -torch.inf).amax(1)
    clear = lead.abs() > 0.02
    z = attack(module, S, y, noise=noise())
    assert S.contains(z).all()
    assert torch.equal((module(z).argmax(1) != y)[clear], (lead > 0)[clear])
    assert (lead > 0)[clear].any()
    assert (lead < 0)[clear].any()


@pytest.mark.parametrize(
    "attack",
    [FGSM(MARGIN), PGD(MARGIN, 5), APGD(MARGIN, 10), Square(MARGIN, 30), GaussianNoise(5), Within(FAB(5, targets=2))],
    ids=label,
)
def test_a_box_is_attacked_as_the_cube_that_its_sides_are_scaled_to(attack):
    module, x, sides = classifier(2), drawn(6, B, *SHAPE), 0.01 + 0.1 * drawn(7, *SHAPE)
    y = module(x).argmax(1)
    cube = GivenBox(x / sides - 1, x / sides + 1, within=None).at(x / sides)
    box = GivenBox(x - sides, x + sides, within=None).at(x)
    u = attack(lambda z: module(z * sides), cube, y, noise=noise())
    torch.testing.assert_close(attack(module, box, y, noise=noise()), u * sides, rtol=0, atol=1e-9)


@pytest.mark.parametrize("attack", [DeepFool(), FMN(), FAB()], ids=label)
def test_a_mask_of_all_pixels_is_the_ball(attack):
    module, x = classifier(8), 0.3 + 0.4 * drawn(9, B, *SHAPE)
    y = module(x).argmax(1)
    ball, box = LinfBall(0.02).at(x), MaskedLinfBall(0.02, torch.ones(SHAPE)).at(x)
    broken = [module(Within(attack)(module, S, y, noise=noise())).argmax(1) != y for S in (ball, box)]
    assert torch.equal(*broken)
    assert 0 < broken[0].sum() < B


def test_what_measures_other_distances_names_the_attacks_that_apply():
    x = drawn(10, B, *SHAPE)
    S = boxes(x.clamp(0.3, 0.7))[1].at(x.clamp(0.3, 0.7))
    with pytest.raises(UnsupportedSetError, match=r"APGD, Square, FAB, FMN and DeepFool also"):
        DDN()(classifier(0), S, torch.zeros(B, dtype=torch.long), noise=noise())
    with pytest.raises(UnsupportedSetError, match=r"Square is .*the l_inf norm, boxes included.*SquareWindows"):
        Square(MARGIN)(classifier(0), L2Ball(0.1).at(x), torch.zeros(B, dtype=torch.long), noise=noise())
