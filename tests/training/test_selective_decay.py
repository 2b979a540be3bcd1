from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from digits import digits
from hauberk.errors import InputError
from hauberk.losses import CrossEntropy
from hauberk.objectives import Natural
from hauberk.schedules import Constant
from hauberk.threats import LinfBall
from hauberk.training import SelectiveDecay, Trainer

MODULES = {
    "linear": nn.Linear(4, 3),
    "convolution": nn.Conv2d(3, 4, 3),
    "transposed": nn.ConvTranspose2d(3, 4, 3),
    "batch norm": nn.BatchNorm2d(4),
    "group norm": nn.GroupNorm(2, 4),
    "layer norm": nn.LayerNorm(4),
    "prelu": nn.PReLU(4),
}
WEIGHTS = {"linear.weight", "convolution.weight", "transposed.weight"}


def groups(made: torch.optim.Optimizer) -> list[tuple[float, list[nn.Parameter]]]:
    return [(group["weight_decay"], group["params"]) for group in made.param_groups]


def test_weights_of_linear_layers_and_convolutions_are_decayed_and_nothing_else():
    network = nn.ModuleDict(MODULES)
    (decay, weights), (none, others) = groups(SelectiveDecay(0.1)(network.parameters()))
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    assert (decay, none) == (0.1, 0.0)
    assert {names[id(weight)] for weight in weights} == WEIGHTS
    assert {names[id(other)] for other in others} == set(names.values()) - WEIGHTS


@pytest.mark.parametrize(
    "factory", [torch.optim.SGD, partial(torch.optim.SGD, momentum=0.9), torch.optim.AdamW], ids=str
)
def test_a_step_without_gradient_shrinks_the_weights_by_the_decay_alone(factory):
    layer = nn.Linear(3, 2)
    before = [parameter.detach().clone() for parameter in layer.parameters()]
    optimizer = SelectiveDecay(0.5, factory)(layer.parameters())
    for group in optimizer.param_groups:
        group["lr"] = 0.1
    layer(torch.ones(1, 3)).sum().mul(0).backward()
    optimizer.step()
    torch.testing.assert_close(layer.weight.detach(), before[0] * 0.95)
    assert torch.equal(layer.bias.detach(), before[1])


def test_options_of_the_optimizer_reach_both_groups():
    made = SelectiveDecay(0.1, partial(torch.optim.SGD, momentum=0.9, nesterov=True))(nn.Linear(3, 2).parameters())
    assert [(group["momentum"], group["nesterov"]) for group in made.param_groups] == [(0.9, True)] * 2


def test_a_network_without_biases_has_one_group():
    assert len(groups(SelectiveDecay(0.1)(nn.Linear(3, 2, bias=False).parameters()))) == 1


def test_a_decay_that_is_none_is_refused():
    with pytest.raises(InputError, match="-1"):
        SelectiveDecay(-1.0)
    with pytest.raises(InputError, match="Rprop"):
        SelectiveDecay(0.1, torch.optim.Rprop)(nn.Linear(3, 2).parameters())


class KilledError(Exception):
    pass


@pytest.mark.parametrize("factory", [partial(torch.optim.SGD, momentum=0.9), torch.optim.AdamW], ids=["SGD", "AdamW"])
def test_a_resumed_training_with_two_groups_ends_as_an_undisturbed_one(factory, tmp_path: Path):
    def network(seed: int = 0) -> nn.Module:
        torch.manual_seed(seed)
        return nn.Sequential(nn.Flatten(), nn.Linear(784, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 10))

    def watch(record: dict) -> None:
        if record["step"] >= 4:
            raise KilledError

    data, whole, resumed = digits(128), network(), network(1)
    trainer = Trainer(
        Natural(CrossEntropy()),
        epochs=3,
        learning_rate=Constant(1e-2),
        batch=64,
        optimizer=SelectiveDecay(0.1, factory),
        held_out=0,
        log_steps=1,
        checkpoint_steps=3,
    )
    trainer.fit(whole, data, LinfBall(0.1), tmp_path / "whole")
    with pytest.raises(KilledError):
        trainer.fit(network(), data, LinfBall(0.1), tmp_path / "broken", watch=watch)
    trainer.fit(resumed, data, LinfBall(0.1), tmp_path / "broken", resume=True)
    assert all(
        torch.equal(a, b) for a, b in zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    )
