import time

import pytest
import torch
from torch import nn

from hauberk.concepts.attack import misclassified
from hauberk.concepts.noise import Noise
from hauberk.errors import InputError
from hauberk.presets import Campaign, attacks_on, break_, prove
from hauberk.threats import JPEG, Flow, GivenBox, L0Ball, L1Ball, L2Ball, LinfBall, Recolor, Union, WassersteinBall
from longer import mostly_later

pytestmark = pytest.mark.usefixtures("unchecked")  # a check of annotations calls torch, and swallows what that raises

THREATS = [
    *(LinfBall(0.2), L2Ball(0.8), L1Ball(3.0), L0Ball(3), Flow(0.2), Recolor(0.2), JPEG(0.2), WassersteinBall(0.05)),
    Union([LinfBall(0.2), L2Ball(0.8)]),
]


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 3)).eval()


@pytest.mark.parametrize("threat", mostly_later(THREATS), ids=lambda threat: threat.name)
def test_attacks_on_any_set_answer_with_members_and_break_some(network, threat):
    torch.manual_seed(1)
    x = torch.rand(12, 3, 8, 8)
    y = network(x).argmax(1)
    S = threat.at(x)
    z = Campaign(1.5)(network, S, y, noise=Noise.of(0, torch.arange(12)))
    assert S.contains(z).all()
    assert misclassified(network, S, z, y).any()


def test_the_first_attack_is_the_same_on_every_set():
    x = torch.rand(2, 3, 8, 8)
    firsts = {next(iter(attacks_on(threat.at(x)))) for threat in THREATS}
    assert len(firsts) == 1


def test_a_campaign_ends_when_its_time_is_up(network):
    class Slow(nn.Module):
        def forward(self, x):
            time.sleep(0.05)
            return network(x)

    x, began = torch.rand(4, 3, 8, 8), time.monotonic()
    y = network(x).argmax(1)
    S = LinfBall(1e-6).at(x)
    z = break_(1 / 60)(Slow(), S, y, noise=Noise.of(0, torch.arange(4)))
    assert time.monotonic() - began < 30  # every attack on every example would take minutes
    assert S.contains(z).all()


def test_minutes_are_those_of_the_portfolio():
    assert prove(0.5).seconds == 30
    assert break_(2).seconds == 120


@pytest.mark.parametrize("minutes", [0, -1, float("nan"), float("inf"), "5", True, None])
def test_what_is_no_time_is_refused(minutes):
    for preset in (prove, break_):
        with pytest.raises(InputError, match="minutes must be a positive number"):
            preset(minutes)


def test_boxes_are_attacked_as_balls_in_l_inf():
    S = GivenBox(torch.zeros(1, 3, 8, 8), torch.ones(1, 3, 8, 8)).at(torch.rand(2, 3, 8, 8))
    assert "AutoAttack" in attacks_on(S)
