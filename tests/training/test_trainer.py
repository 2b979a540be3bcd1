import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from digits import digits
from hauberk.attacks import FGSM, RandomMember
from hauberk.bounds import Interval
from hauberk.errors import InputError, TrainingError, UnsupportedOpError
from hauberk.losses import CrossEntropy
from hauberk.objectives import Adversarial, Certified, Natural
from hauberk.regularizers import FastIBP
from hauberk.schedules import Constant, SmoothRamp
from hauberk.threats import LinfBall
from hauberk.training import FastIBPInit, Trainer

THREAT = LinfBall(0.05)


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(
        nn.Conv2d(1, 4, 5, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(256, 16),
        nn.ReLU(),
        nn.Linear(16, 10),
    )


OBJECTIVES = {
    "natural": Natural(CrossEntropy()),
    "adversarial": Adversarial(FGSM(CrossEntropy(), 1.25, RandomMember()), CrossEntropy()),
    "certified": Certified(Interval(), CrossEntropy(), Constant(0.3), [FastIBP()]),
}


def trainer(objective: str = "certified", **changes) -> Trainer:
    plain = Trainer(
        OBJECTIVES[objective],
        epochs=3,
        learning_rate=Constant(3e-3),
        batch=64,
        radius=SmoothRamp(),
        held_out=56,
        log_steps=2,
        checkpoint_steps=3,
    )
    return replace(plain, **changes)


def states_equal(first: nn.Module, second: nn.Module) -> bool:
    return all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


class KilledError(Exception):
    pass


def killed_at(step: int):
    def watch(record: dict) -> None:
        if record["step"] >= step:
            raise KilledError

    return watch


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("step", [2, 4, 8, 10])
def test_a_resumed_training_ends_as_an_undisturbed_one(objective: str, step: int, tmp_path: Path):
    whole, broken, resumed = network(), network(), network(seed=1)
    data, method = digits(312), trainer(objective)
    method.fit(whole, data, THREAT, tmp_path / "whole")
    with pytest.raises(KilledError):
        method.fit(broken, data, THREAT, tmp_path / "broken", watch=killed_at(step))
    if step < 3:
        resumed = network()  # killed before the first checkpoint: training starts afresh from the recipe's network
    method.fit(resumed, data, THREAT, tmp_path / "broken", resume=True)
    assert states_equal(whole, resumed)
    journals = [journal(tmp_path / name) for name in ("whole", "broken")]
    assert journals[0] == journals[1]


def journal(folder: Path) -> list[dict]:
    lines = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def test_journal_has_a_line_per_epoch_and_per_window(tmp_path: Path):
    trainer().fit(network(), digits(312), THREAT, tmp_path)
    lines = journal(tmp_path)
    assert [line["step"] for line in lines if line["kind"] == "step"] == [2, 4, 6, 8, 10, 12]
    epochs = [line for line in lines if line["kind"] == "epoch"]
    assert [line["epoch"] for line in epochs] == [1, 2, 3]
    assert all(0 <= line["validation_robust"] <= line["validation_clean"] <= 1 for line in epochs)
    assert lines[0]["radius"] < 0.1
    assert lines[-1]["radius"] == 1


def test_training_learns_and_leaves_the_random_state_alone(tmp_path: Path):
    state = torch.get_rng_state()
    trained = network()
    trainer("natural", epochs=10, learning_rate=Constant(1e-2)).fit(trained, digits(600), THREAT, tmp_path)
    assert not trained.training
    assert [line for line in journal(tmp_path) if line["kind"] == "epoch"][-1]["clean"] > 0.85
    after = torch.get_rng_state()
    torch.set_rng_state(state)
    network()
    assert torch.equal(after, torch.get_rng_state())


def test_the_initialisation_is_used(tmp_path: Path):
    made = network()
    before = made[0].weight.clone()
    trainer(initialisation=FastIBPInit(), learning_rate=Constant(0.0)).fit(made, digits(120), THREAT, tmp_path)
    assert not torch.equal(before, made[0].weight)


def test_a_loss_that_is_not_finite_stops_training(tmp_path: Path):
    with pytest.raises(TrainingError, match="step 2"):
        trainer("natural", learning_rate=Constant(1e30)).fit(network(), digits(312), THREAT, tmp_path)


def test_held_out_examples_must_leave_some_to_train_on(tmp_path: Path):
    with pytest.raises(InputError, match="held_out"):
        trainer(held_out=312).fit(network(), digits(312), THREAT, tmp_path)


def test_a_network_without_bounds_is_refused_before_training(tmp_path: Path):
    odd = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), nn.Mish())
    with pytest.raises(UnsupportedOpError, match="mish"):
        trainer().fit(odd, digits(120), THREAT, tmp_path)


@pytest.mark.parametrize("file", ["state.json", "model.safetensors", "optimizer.safetensors"])
def test_a_damaged_checkpoint_is_named(file: str, tmp_path: Path):
    trainer("natural").fit(network(), digits(120), THREAT, tmp_path)
    (checkpoint,) = (tmp_path / "checkpoint").iterdir()
    (checkpoint / file).write_bytes(b"{damaged")
    with pytest.raises(InputError, match=str(checkpoint)):
        trainer("natural").fit(network(), digits(120), THREAT, tmp_path, resume=True)
