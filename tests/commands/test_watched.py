"""The option --watch, with stand-ins for the packages."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from hauberk.cli import main

RECIPE = """
data: {class: datasets.Generated, shape: [6], classes: 3, train: 12, test: 3}
threat: {class: threats.LinfBall, eps: 0.2}
network: {class: architectures.FullyConnected, hidden: [4]}
trainer:
  objective: {class: objectives.Natural, loss: losses.CrossEntropy}
  epochs: 2
  batch: 6
  held_out: 0
  log_steps: 1
  learning_rate: {class: schedules.Constant, value: 0.1}
evaluator: {attacks: {FGSM: {class: attacks.FGSM, loss: losses.Margin}}, verifiers: []}
variants:
  tiny: {trainer.epochs: 1}
"""


class Writers:
    """A stand-in for `torch.utils.tensorboard`: what it is told, by folder."""

    def __init__(self, fails: bool = False):
        self.told: dict[str, list[Any]] = {}
        self.fails = fails

    def SummaryWriter(self, folder: str, purge_step: int) -> SimpleNamespace:  # noqa: N802
        if self.fails:
            raise ConnectionError("the network is down")
        told = self.told.setdefault(folder, [])
        return SimpleNamespace(add_scalar=lambda *facts: told.append(facts), close=lambda: told.append("closed"))


@pytest.fixture
def train(tmp_path: Path) -> list[str]:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return ["train", str(tmp_path / "recipe.yaml"), "--run", str(tmp_path / "run")]


def test_scalars_of_the_journal_are_drawn_beside_the_progress(
    train: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", writers := Writers())  # pyright: ignore
    assert main([*train, "--watch", "tensorboard"]) == 0
    assert capsys.readouterr().err.count("epoch") == 3
    own, tiny = (tmp_path / "run" / "tensorboard" / name for name in ("", "tiny"))
    assert list(writers.told) == [str(own), str(tiny)]
    journal = [json.loads(line) for line in (tmp_path / "run" / "train.jsonl").read_text().splitlines()]
    expected = [(f"{line['kind']}/loss", line["loss"], line["step"]) for line in journal]
    assert [told for told in writers.told[str(own)] if told[0].endswith("/loss")] == expected
    drawn = {told[0] for told in writers.told[str(own)]}
    assert {"step/radius", "step/learning_rate", "step/clean", "epoch/clean"} <= drawn
    assert {told[-1] for told in writers.told.values()} == {"closed"}


def test_training_outlives_a_watcher_that_fails(
    train: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", Writers(fails=True))  # pyright: ignore
    assert main([*train, "--watch", f"tensorboard:{tmp_path / 'board'}"]) == 0
    said = capsys.readouterr().err.splitlines()
    assert len([line for line in said if "TensorBoard failed and draws no more" in line]) == 1
    assert (tmp_path / "run" / "model.safetensors").exists()


def test_nothing_is_imported_unless_it_is_asked_for(train: list[str], monkeypatch: pytest.MonkeyPatch):
    for name in ("wandb", "torch.utils.tensorboard", "hauberk.watching"):
        monkeypatch.setitem(sys.modules, name, None)
    assert main([*train, "--quiet"]) == 0


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("wandb", "pip install 'hauberk[wandb]'"),
        ("tensorbord", "did you mean 'tensorboard'?"),
        ("", "say tensorboard or"),
    ],
)
def test_what_cannot_watch_is_refused_before_training(
    where: str,
    said: str,
    train: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
):
    monkeypatch.setitem(sys.modules, "wandb", None)
    assert main([*train, "--watch", where]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert said in error
    assert not (tmp_path / "run").exists()
