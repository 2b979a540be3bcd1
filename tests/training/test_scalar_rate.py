from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from hauberk.datasets import Generated
from hauberk.errors import InputError
from hauberk.layers import LogitScale
from hauberk.losses import CrossEntropy
from hauberk.objectives import Natural
from hauberk.schedules import Constant
from hauberk.threats import LinfBall
from hauberk.training import LpDecay, ScalarRate, Trainer


class Scaled(nn.Module):
    """A linear layer whose logits are multiplied by a scalar."""

    def __init__(self):
        super().__init__()
        self.linear, self.scale = nn.Linear(4, 3), LogitScale(1.5)

    def forward(self, x):
        return self.linear(x) * self.scale.factor


def test_scalars_have_a_group_of_their_own():
    network = Scaled()
    others, scalars = ScalarRate(0.25)(network.parameters()).param_groups
    assert [id(p) for p in others["params"]] == [id(p) for p in network.linear.parameters()]
    assert [id(p) for p in scalars["params"]] == [id(network.scale.factor)]
    assert (others["rate"], scalars["rate"]) == (1, 0.25)


def test_options_of_the_optimizer_reach_both_groups():
    made = ScalarRate(0.25, partial(torch.optim.SGD, momentum=0.9))(Scaled().parameters())
    assert [group["momentum"] for group in made.param_groups] == [0.9, 0.9]


@pytest.mark.parametrize("module", [nn.Linear(3, 2), LogitScale()], ids=["no scalar", "a scalar alone"])
def test_a_group_without_parameters_is_left_out(module):
    assert len(ScalarRate()(module.parameters()).param_groups) == 1


@pytest.mark.parametrize(
    "factory", [ScalarRate, lambda *given: LpDecay(0.0, ScalarRate(*given))], ids=["alone", "decayed"]
)
def test_training_moves_scalars_at_their_share_of_the_learning_rate(factory, tmp_path: Path):
    data, moved = Generated([4], 3, train=12, test=1).train(), []
    for share in (1.0, 0.25):
        torch.manual_seed(0)
        network = Scaled()
        before = [parameter.detach().clone() for parameter in network.parameters()]
        trainer = Trainer(
            Natural(CrossEntropy()),
            1,
            Constant(0.1),
            batch=12,
            held_out=0,
            optimizer=factory(share, partial(torch.optim.SGD)),
        )
        trainer.fit(network, data, LinfBall(0.1), tmp_path / str(share))
        moved.append([parameter.detach() - old for parameter, old in zip(network.parameters(), before, strict=True)])
    (weight, bias, factor), (same_weight, same_bias, quarter) = moved
    assert torch.equal(weight, same_weight)
    assert torch.equal(bias, same_bias)
    assert factor.abs() > 1e-4
    torch.testing.assert_close(quarter, factor / 4, rtol=1e-3, atol=0)


@pytest.mark.parametrize("share", [0.0, -1.0, torch.nan])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(InputError, match="share"):
        ScalarRate(share)
