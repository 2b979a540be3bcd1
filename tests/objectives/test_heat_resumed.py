"""Smoothing by the heat equation goes on after a kill as if nothing had happened, its frozen target included."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from digits import digits
from hauberk.objectives import HeatSmoothing
from hauberk.schedules import Constant
from hauberk.threats import L2Ball
from hauberk.training import GivenWeights, Trainer


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    convolution = nn.Sequential(nn.Conv2d(1, 4, 5, 3), nn.BatchNorm2d(4), nn.ReLU())
    return nn.Sequential(convolution, nn.Flatten(), nn.Linear(256, 10))


class KilledError(Exception):
    pass


def fit(net: nn.Module, folder: Path, checkpoint_steps: int, base: Path | None, killed: int = 99, resume: bool = False):
    """Train 12 steps in 3 timesteps, or until the training is killed after a step."""

    def watch(record: dict) -> None:
        if record["step"] >= killed:
            raise KilledError

    given = None if base is None else GivenWeights(str(base))
    objective = HeatSmoothing(0.3, timesteps=3, noisy_share=0.5, directions=2, base=given)
    counts = {"batch": 64, "held_out": 56, "log_steps": 1, "checkpoint_steps": checkpoint_steps}
    trainer = Trainer(objective, 3, Constant(1e-2), **counts)
    trainer.fit(net, digits(312), L2Ball(0.1), folder, resume=resume, watch=watch)


# Resumed inside of a timestep, at its first step, and before that.
@pytest.mark.parametrize(("checkpoint_steps", "killed", "based"), [(5, 7, True), (4, 5, False), (3, 5, True)])
def test_a_resumed_training_ends_as_an_undisturbed_one(checkpoint_steps, killed, based, tmp_path: Path):
    base = tmp_path / "base.safetensors" if based else None
    if base is not None:
        save_file(network(7).state_dict(), base)
    whole, resumed, folders = network(), network(1), [tmp_path / "whole", tmp_path / "broken"]
    fit(whole, folders[0], checkpoint_steps, base)
    with pytest.raises(KilledError):
        fit(network(), folders[1], checkpoint_steps, base, killed)
    (checkpoint,) = (folders[1] / "checkpoint").iterdir()
    assert int(checkpoint.name) == checkpoint_steps
    assert len(load_file(checkpoint / "memory.safetensors")) == 1 + based
    if base is not None:
        base.unlink()  # the checkpoint holds what it gave
    fit(resumed, folders[1], checkpoint_steps, base, resume=True)
    pairs = zip(whole.state_dict().values(), resumed.state_dict().values(), strict=True)
    assert all(torch.equal(one, other) for one, other in pairs)
    journals = [(folder / "train.jsonl").read_text().splitlines() for folder in folders]
    lines = [[json.loads(line) for line in journal] for journal in journals]
    losses, others = ([line["loss"] for line in journal if line["kind"] == "step"] for journal in lines)
    assert losses == others
    assert len(losses) == 12
    first = [line["validation_loss"] for line in lines[0] if line["kind"] == "epoch"]
    assert first == [line["validation_loss"] for line in lines[1] if line["kind"] == "epoch"]
