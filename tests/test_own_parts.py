"""Networks, data, attacks and threats from the working folder, in recipes: trained, evaluated and reported."""

import json
import re
import sys
from pathlib import Path

import pytest
import yaml

from hauberk.cli import main
from longer import mostly_later

PAGE = (Path(__file__).parents[1] / "docs" / "own-parts.md").read_text(encoding="utf-8")
CODE, RECIPE = (re.findall(rf"```{language}[^\n]*\n(.*?)```", PAGE, re.DOTALL)[0] for language in ("python", "yaml"))
PLAIN = """
data: {class: datasets.Generated, shape: [6], classes: 2, train: 12, test: 4}
network: {class: architectures.FullyConnected, hidden: [4]}
threat: {class: threats.LinfBall, eps: 0.05}
trainer:
  objective: {class: objectives.Natural, loss: losses.CrossEntropy}
  epochs: 1
  batch: 6
  held_out: 0
  learning_rate: {class: schedules.Constant, value: 0.1}
evaluator:
  attacks: {FGSM: {class: attacks.FGSM, loss: losses.Margin}}
  verifiers: []
"""
PARTS = {
    "network": "network={class: mine.TwoLayers, width: 5}",
    "data": "data={class: mine.Halves, train: 12, test: 4}",
    "torch data": (
        "data={class: datasets.TorchPair, classes: 2, train: {class: mine.Brightened, count: 12, seed: 1},"
        " test: {class: mine.Brightened, count: 4, seed: 2}}"
    ),
    "attack": "evaluator.attacks={random: {class: mine.BestOfRandom, tries: 2}}",
    "threat": "threat={class: mine.Darken, eps: 0.1}",
}


@pytest.fixture(autouse=True)
def working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder that is not on Python's path, as for the command `hauberk`, and what it imports is forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for name in ("mine", "attacks"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    (tmp_path / "mine.py").write_text(CODE)
    (tmp_path / "plain.yaml").write_text(PLAIN)
    (tmp_path / "mine.yaml").write_text(RECIPE.replace("epochs: 5", "epochs: 1"))
    assert str(tmp_path) not in sys.path
    return tmp_path


@pytest.mark.parametrize("part", mostly_later(PARTS, 2))
def test_a_part_of_ones_own_is_trained_evaluated_and_reported(part: str, working_folder: Path):
    assert main(["train", "plain.yaml", "--set", PARTS[part], "--run", "run", "--allow-code", "--quiet"]) == 0
    assert main(["evaluate", "run", "--allow-code", "--quiet"]) == 0
    assert main(["report", "run"]) == 0
    summary = json.loads((working_folder / "run" / "evaluation" / "summary.json").read_text())
    assert summary["examples"] == 4
    named = {"attack": "random", "threat": "darken eps 0.1"}.get(part)
    assert named is None or named in json.dumps(summary)


def test_the_recipe_of_the_page_runs_and_its_classes_are_named_in_full(working_folder: Path):
    assert main(["train", "mine.yaml", "--run", "run", "--allow-code", "--quiet"]) == 0
    assert main(["evaluate", "run", "--allow-code", "--quiet"]) == 0
    assert main(["report", "run"]) == 0
    assert json.loads((working_folder / "run" / "run.json").read_text())["network"] == "mine.TwoLayers"
    page = (working_folder / "run" / "report.html").read_text()
    for name in ("mine.TwoLayers", "mine.BestOfRandom", "mine.Darken", "mine.Brightened"):
        assert name in page


def test_code_runs_by_the_users_word_alone_at_every_step(working_folder: Path, capsys: pytest.CaptureFixture[str]):
    train = ["train", "plain.yaml", "--set", PARTS["network"], "--run", "run", "--quiet"]
    assert main(train) == 1
    assert "mine" not in sys.modules
    assert main([*train, "--allow-code"]) == 0
    del sys.modules["mine"]
    capsys.readouterr()
    for command in (["train", "run/recipe.yaml", "--run", "run", "--resume"], ["evaluate", "run"]):
        assert main(command) == 1
        said = capsys.readouterr().err
        assert re.fullmatch(r"error: network: mine\.TwoLayers is neither .*--allow-code[^\n]*\n", said), said
        assert "mine" not in sys.modules
        assert main([*command, "--allow-code", "--quiet"]) == 0
        del sys.modules["mine"]
        capsys.readouterr()


def test_an_evaluation_may_be_given_an_attack_of_ones_own(working_folder: Path):
    assert main(["train", "plain.yaml", "--run", "run", "--quiet"]) == 0
    assert main(["evaluate", "run", "--set", PARTS["attack"], "--allow-code", "--quiet"]) == 0
    summary = json.loads((working_folder / "run" / "evaluation" / "summary.json").read_text())
    assert [attack["name"] for attack in summary["attacks"]] == ["random"]


def test_a_file_may_have_the_name_of_one_of_hauberks_packages(working_folder: Path, capsys: pytest.CaptureFixture[str]):
    (working_folder / "mine.py").rename(working_folder / "attacks.py")
    command = ["train", "plain.yaml", "--set", "evaluator.attacks={random: attacks.BestOfRandom}", "--run", "run"]
    assert main(command) == 1
    assert "--allow-code" in capsys.readouterr().err
    assert main([*command, "--allow-code", "--quiet"]) == 0
    assert yaml.safe_load((working_folder / "run" / "recipe.yaml").read_text())["evaluator"]["attacks"] == {
        "random": "attacks.BestOfRandom"
    }
