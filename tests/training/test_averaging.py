import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from digits import digits
from hauberk.attacks import FGSM
from hauberk.errors import InputError
from hauberk.losses import CrossEntropy
from hauberk.objectives import Adversarial
from hauberk.schedules import Constant
from hauberk.threats import LinfBall
from hauberk.training import CollapseDetector, Trainer, WeightAveraging
from hauberk.training.order import held_out

THREAT, ATTACK = LinfBall(0.05), FGSM(CrossEntropy())
TRAINER = Trainer(
    Adversarial(ATTACK, CrossEntropy()),
    epochs=3,
    learning_rate=Constant(1e-2),
    batch=64,
    held_out=56,
    log_steps=1,
    checkpoint_steps=5,
)
STEPS = 12


def network(seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(1, 4, 5, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(256, 10))


def course(trainer: Trainer, folder: Path) -> tuple[nn.Module, list[dict[str, Tensor]]]:
    """Return the network that a training ends with, and what it was after each step."""
    states: list[dict[str, Tensor]] = []
    made = network()

    def watch(record: dict) -> None:
        if record["kind"] == "step":
            states.append({name: tensor.clone() for name, tensor in made.state_dict().items()})

    trainer.fit(made, digits(312), THREAT, folder, watch=watch)
    assert len(states) == STEPS
    return made, states


def weighted(states: list[dict[str, Tensor]], weights: Tensor) -> dict[str, Tensor]:
    return {
        name: torch.einsum("s,s...->...", weights, torch.stack([state[name].double() for state in states]))
        for name in states[0]
    }


@pytest.mark.parametrize(
    ("averaging", "counted"),
    [(WeightAveraging(1.0, 0.5), 6), (WeightAveraging(0.999, 0.4), 7), (WeightAveraging(1.0), 12)],
    ids=str,
)
def test_the_plain_mean_is_that_of_all_steps_after_the_beginning(averaging, counted: int, tmp_path: Path):
    plain, states = course(TRAINER, tmp_path / "plain")
    ended, seen = course(replace(TRAINER, averaging=averaging), tmp_path / "averaged")
    assert all(torch.equal(a[name], b[name]) for a, b in zip(states, seen, strict=True) for name in a)
    assert all(torch.equal(states[-1][name], tensor) for name, tensor in plain.state_dict().items())
    expected = weighted(states[-counted:], torch.full((counted,), 1 / counted, dtype=torch.float64))
    for name, tensor in ended.state_dict().items():
        if name.endswith("num_batches_tracked"):
            assert tensor == states[-1][name]
        else:
            torch.testing.assert_close(tensor, expected[name].float(), rtol=1e-5, atol=1e-6)


def test_the_exponential_mean_forgets_by_its_decay(tmp_path: Path):
    ended, states = course(replace(TRAINER, averaging=WeightAveraging(0.5)), tmp_path)
    ages = torch.arange(STEPS - 1, -1, -1, dtype=torch.float64)
    weights = 0.5 ** (ages + 1)
    weights[0] *= 2  # the first step counts whole when it is alone
    assert weights.sum() == 1
    expected = weighted(states, weights)
    for name, tensor in ended.named_parameters():
        torch.testing.assert_close(tensor.detach(), expected[name].float(), rtol=1e-5, atol=1e-6)


def test_validation_judges_the_average(tmp_path: Path):
    ended, _ = course(replace(TRAINER, averaging=WeightAveraging(0.9), judge=ATTACK), tmp_path)
    data, (_, index) = digits(312), held_out(312, 56, 0)
    x, y = data.batch(index)
    assert not ended.training
    lines = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    right = (ended(x).argmax(1) == y).double().mean().item()
    assert lines[-1]["validation_clean"] == pytest.approx(right)


class KilledError(Exception):
    pass


@pytest.mark.parametrize("step", [3, 7, 12])
def test_a_resumed_training_ends_with_the_same_average(step: int, tmp_path: Path):
    def watch(record: dict) -> None:
        if record["step"] == step:
            raise KilledError

    method = replace(TRAINER, averaging=WeightAveraging(0.9, 0.3), keep="best", detector=CollapseDetector(ATTACK))
    whole, _ = course(method, tmp_path / "whole")
    resumed, data = network(), digits(312)
    with pytest.raises(KilledError):
        method.fit(network(), data, THREAT, tmp_path / "broken", watch=watch)
    method.fit(resumed, data, THREAT, tmp_path / "broken", resume=True)
    assert all(torch.equal(tensor, whole.state_dict()[name]) for name, tensor in resumed.state_dict().items())
    kept = [(tmp_path / name / "final.safetensors").read_bytes() for name in ("whole", "broken")]
    assert kept[0] == kept[1]


@pytest.mark.parametrize(("decay", "begin"), [(0.0, 0.0), (1.1, 0.0), (0.9, 1.0), (0.9, -0.1), (float("nan"), 0.0)])
def test_numbers_out_of_range_are_refused(decay: float, begin: float):
    with pytest.raises(InputError, match="WeightAveraging needs"):
        WeightAveraging(decay, begin)
