"""The loops of docs/own-loops.md: short, and training what they say."""

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

PAGE = (Path(__file__).parents[1] / "docs" / "own-loops.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python(?: title=\"(\w+)\")?\n(.*?)```", PAGE, re.DOTALL)
TITLED = {title: code for title, code in BLOCKS if title}
PREPARED, CERTIFIED, JUDGED, ADVERSARIAL = (code for title, code in BLOCKS if not title)


def run(code: str, names: dict[str, Any]) -> dict[str, Any]:
    exec(compile(code, "own-loops.md", "exec"), names)
    return names


@pytest.fixture
def prepared() -> dict[str, Any]:
    torch.manual_seed(0)
    return run(PREPARED, {})


@pytest.mark.parametrize("code", [CERTIFIED, ADVERSARIAL, TITLED["lightning"], TITLED["tensorboard"]])
def test_every_loop_has_at_most_fifteen_lines(code: str):
    assert len([line for line in code.splitlines() if line.strip()]) <= 15


def test_the_loop_of_certified_training_certifies(prepared: dict[str, Any], capsys: pytest.CaptureFixture[str]):
    run(JUDGED, run(CERTIFIED, prepared))
    clean, certified = map(float, re.findall(r"0\.\d+|1\.0+", capsys.readouterr().out))
    assert 0.7 < certified <= clean


def test_the_loop_of_adversarial_training_makes_the_network_robust(prepared: dict[str, Any]):
    names = run(ADVERSARIAL, prepared)
    value = names["loss"].value(names["inputs"], names["labels"], names["progress"])
    assert value.robust.float().mean() > 0.7


def test_the_module_of_lightning_trains_and_validates(
    prepared: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    lightning = pytest.importorskip("lightning")
    monkeypatch.chdir(tmp_path)
    names = run(TITLED["lightning"], prepared)
    network = nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 2))
    module = names["Certifiable"](network)
    quiet = {
        "logger": False,
        "enable_checkpointing": False,
        "enable_progress_bar": False,
        "enable_model_summary": False,
    }
    lightning.Trainer(max_epochs=20, accelerator="cpu", **quiet).fit(module, names["loader"])
    with torch.no_grad():
        value = module.loss.value(names["inputs"], names["labels"], names["Progress"](59, 60, 3))
    assert value.robust.float().mean() > 0.7
    assert all(name.startswith("loss.network.") for name in module.state_dict())


def test_the_watcher_draws_the_loop(prepared: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("tensorboard")
    monkeypatch.chdir(tmp_path)
    run(TITLED["tensorboard"], run(ADVERSARIAL, prepared))
    assert list((tmp_path / "runs" / "board").iterdir())
