"""The initialisation of fast interval training: widths that stay, and the deviations that keep them."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from hauberk.bounds import Interval
from hauberk.capture import capture
from hauberk.threats import LinfBall
from hauberk.training import FastIBPInit


def test_it_keeps_the_mean_width_of_boxes():
    width = 1000
    hidden = [part for _ in range(4) for part in (nn.Linear(width, width), nn.ReLU())]
    module = nn.Sequential(nn.Linear(64, width), nn.ReLU(), *hidden, nn.Linear(width, 3))
    FastIBPInit()(module, torch.zeros(2, 64), torch.Generator().manual_seed(0))
    frozen = capture(module, torch.zeros(2, 64)).frozen()
    x = torch.rand(4, 64, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        boxes = Interval().boxes(frozen, LinfBall(0.01).at(x), outward=False)
    widths = [boxes[i].radius.mean().item() for i in frozen.relaxed]
    assert len(widths) == 5
    for before, after in itertools.pairwise(widths):
        assert after / before == pytest.approx(1, abs=0.1)


def test_its_deviations_are_those_published_and_the_last_layer_stays():
    module = nn.Sequential(
        nn.Conv2d(1, 64, 3, padding=1), nn.ReLU(), nn.Conv2d(64, 32, 3, groups=2), nn.Flatten(), nn.Linear(128, 3)
    )
    last = module[4].weight.clone()
    FastIBPInit()(module, torch.rand(2, 1, 4, 4), torch.Generator().manual_seed(0))
    for index, fan_in in ((0, 9), (2, 32 * 9)):
        deviation = module[index].weight.std().item()
        assert deviation == pytest.approx(math.sqrt(2 * math.pi) / fan_in, rel=0.1)
        assert not module[index].bias.any()
    assert torch.equal(module[4].weight, last)


@pytest.mark.parametrize("behind", [nn.Identity(), nn.ReLU()], ids=str)
def test_layers_fed_by_a_residual_sum_get_half(behind):
    class Sum(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.second, self.last = nn.Linear(50, 200), nn.Linear(50, 200), nn.Linear(200, 3)
            self.fed = nn.Linear(200, 200)

        def forward(self, x):
            return self.last(F.relu(self.fed(behind(F.relu(self.first(x)) + self.second(x)))))

    module = Sum()
    FastIBPInit()(module, torch.rand(2, 50), torch.Generator().manual_seed(0))
    assert module.fed.weight.std().item() == pytest.approx(math.sqrt(2 * math.pi) / 200 / 2, rel=0.05)
    assert module.second.weight.std().item() == pytest.approx(math.sqrt(2 * math.pi) / 50, rel=0.05)
