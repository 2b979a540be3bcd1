"""Random numbers of the loop: what a network draws itself belongs to seed and step."""

from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

from hauberk.concepts.dataset import Split
from hauberk.losses import CrossEntropy
from hauberk.objectives import Natural
from hauberk.schedules import Constant
from hauberk.threats import LinfBall
from hauberk.training import Trainer

BATCH, STEPS = 8, 6


class Noted(nn.Module):
    """Dropout that remembers its masks."""

    def __init__(self):
        super().__init__()
        self.last, self.masks = nn.Linear(16, 2), []

    def forward(self, x):
        mask = F.dropout(torch.ones_like(x), 0.5, self.training)
        if self.training:
            self.masks.append(mask)
        return self.last(x * mask)


def masks(folder: Path, seed: int) -> list[torch.Tensor]:
    torch.manual_seed(0)
    network, x = Noted(), torch.rand(3 * BATCH, 16)
    data = Split(x, (x[:, 0] > 0.5).long())
    method = Trainer(Natural(CrossEntropy()), 2, Constant(0.01), BATCH, held_out=0, seed=seed)
    method.fit(network, data, LinfBall(0.1), folder)
    return network.masks


def test_dropout_masks_differ_from_step_to_step_and_are_those_of_seed_and_step(tmp_path: Path):
    found, again, other = (masks(tmp_path / str(run), seed) for run, seed in enumerate((3, 3, 4)))
    assert len(found) == STEPS
    for i, mask in enumerate(found):
        assert not any(torch.equal(mask, earlier) for earlier in found[:i])
    assert all(torch.equal(a, b) for a, b in zip(found, again, strict=True))
    assert not any(torch.equal(a, b) for a in found for b in other), "a seed's steps are not another seed's"
