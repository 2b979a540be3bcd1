"""Sweeps: what their folders hold, and that they choose by held-out training examples alone."""

import re
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
from rich.console import Console
from safetensors.torch import load_file

from hauberk import sweeping, workflow
from hauberk.cli import main
from hauberk.concepts.dataset import Split
from hauberk.datasets import Generated
from hauberk.display import Display
from hauberk.errors import InputError
from hauberk.evaluation.records import read_records
from hauberk.recipe import read_recipe
from hauberk.reports.search_files import Search
from hauberk.training.order import held_out

RECIPE = """
seed: 3
data: {class: datasets.Generated, shape: [6], classes: 3, train: 52, test: 4}
threat: {class: threats.LinfBall, eps: 0.05}
network: {class: architectures.FullyConnected, hidden: [8]}
trainer:
  objective:
    class: objectives.Certified
    bounder: bounds.Interval
    loss: losses.CrossEntropy
    clean_weight: {class: schedules.Constant, value: 1}
  epochs: 2
  batch: 8
  held_out: 20
  checkpoint_steps: 1
  learning_rate: {class: schedules.Constant, value: 0.01}
evaluator:
  attacks: {FGSM: {class: attacks.FGSM, loss: losses.Margin}}
  verifiers: [{class: verification.ByBound, name: interval, bounder: bounds.Interval}]
  curve: {radii: [1], attacks: {FGSM: {class: attacks.FGSM, loss: losses.Margin}}, verifiers: []}
variants:
  tiny: {trainer.epochs: 1}
"""
RATE = "trainer.learning_rate.value"
POINTS = [{RATE: "1e-2"}, {RATE: 0.1}]


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return str(tmp_path / "recipe.yaml")


@pytest.fixture
def unseen(monkeypatch: pytest.MonkeyPatch):
    """Test data that nobody may look at."""

    def seen(self: Generated):
        raise AssertionError("the test split was asked for")

    monkeypatch.setattr(Generated, "test", seen)


def swept(recipe: str, folder: Path, points: list[dict], *changes: str, resume: bool = False) -> Search:
    return sweeping.sweep(
        read_recipe(recipe, list(changes)), points, folder, resume=resume, console=Console(quiet=True)
    )


@pytest.mark.usefixtures("unseen")
def test_points_are_judged_on_what_their_trainings_held_out_and_never_on_test_data(recipe: str, tmp_path: Path):
    search = swept(recipe, tmp_path / "sweep", POINTS)
    labels = Generated([6], 3, 52, 4).train().labels[held_out(52, 20, 3)[1]]
    for point in search.points:
        assert point.summary is not None
        assert point.summary.examples == 20
        assert point.summary.measures == ["clean", "attacked", "certified"]
        assert read_records(point.folder / "validation" / "records")["label"].to_list() == labels.tolist()
        assert not point.summary.curve
        assert not (point.folder / "variants").exists()


def test_a_point_is_a_run_that_can_be_trained_again_and_evaluated(recipe: str, tmp_path: Path):
    swept(recipe, tmp_path / "sweep", POINTS)
    second = tmp_path / "sweep" / "points" / "002"
    tree = read_recipe(str(second / "recipe.yaml"), [])
    assert tree["trainer"]["learning_rate"]["value"] == 0.1
    workflow.train(tree, tmp_path / "alone", resume=False, watch=lambda record: None)
    assert (tmp_path / "alone" / "model.safetensors").read_bytes() == (second / "model.safetensors").read_bytes()
    assert workflow.evaluate(second, [], lambda stage, done, total: None)[""]["examples"] == 4


@pytest.mark.product
def test_a_sweep_that_is_interrupted_goes_on_where_it_was(recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    swept(recipe, tmp_path / "whole", POINTS)
    epochs = []

    def interrupted(display: Display, record: dict) -> None:
        epochs.append(record["epoch"])
        if len(epochs) == 4:  # the second point's second
            raise KeyboardInterrupt

    monkeypatch.setattr(Display, "training", interrupted)
    with pytest.raises(KeyboardInterrupt):
        swept(recipe, tmp_path / "broken", POINTS)
    assert sorted(path.name for path in (tmp_path / "broken" / "points").iterdir()) == ["001", "002"]
    first = {path: path.stat().st_mtime_ns for path in (tmp_path / "broken" / "points" / "001").rglob("*")}
    monkeypatch.setattr(Display, "training", lambda display, record: epochs.append(record["epoch"]))
    search = swept(recipe, tmp_path / "broken", POINTS, resume=True)
    assert epochs == [1, 2, 1, 2, 2]  # a checkpoint lies between the first epoch and the second
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "broken" / "points" / "001").rglob("*")} == first
    for number, point in enumerate(search.points, start=1):
        whole = load_file(tmp_path / "whole" / "points" / f"{number:03d}" / "model.safetensors")
        broken = load_file(point.folder / "model.safetensors")
        assert all(broken[name].equal(whole[name]) for name in whole)


@pytest.mark.product
def test_a_training_that_diverges_is_written_down_and_not_tried_again(
    recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    points = [{RATE: 1e30}, {RATE: 0.1}]
    search = swept(recipe, tmp_path / "sweep", points)
    failed, judged = search.points
    assert failed.summary is None
    assert failed.failure is not None
    assert "loss" in failed.failure
    assert search.front == [judged]
    monkeypatch.setattr(sweeping, "train_one", None)
    assert swept(recipe, tmp_path / "sweep", points, resume=True) == search


@pytest.mark.parametrize(
    ("points", "changes", "message"),
    [
        ([*POINTS, {RATE: "quick"}], (), r"trainer\.learning_rate"),
        (
            [{"threat.eps": 0.01}, {"threat.eps": 0.02}],
            (),
            r"differ in threat\.eps: 0\.01 there, 0\.02 here.*training_threat",
        ),
        ([{"trainer.held_out": 10}, {"trainer.held_out": 20}], (), r"differ in trainer\.held_out"),
        ([{"seed": 1}, {"seed": 2}], (), r"differ in trainer\.seed"),
        ([{"data.seed": 1}, {"data.seed": 2}], (), "differ in data"),
        ([{"evaluator.shard": 1}, {"evaluator.shard": 2}], (), "differ in evaluator"),
        ([{RATE: 0.1}, {RATE: 0.1}], (), "same recipe"),
        (POINTS, ("trainer.held_out=0",), "held_out is 0"),
        (POINTS, ("evaluator.attacks={}", "evaluator.verifiers=[]"), "attacks and verifiers"),
    ],
)
def test_mistakes_are_refused_before_the_first_training(
    recipe: str, tmp_path: Path, points: list[dict], changes: tuple[str, ...], message: str
):
    with pytest.raises(InputError, match=message):
        swept(recipe, tmp_path / "sweep", points, *changes)
    assert not (tmp_path / "sweep").exists()


@pytest.mark.product
def test_a_sweep_of_something_else_is_refused_by_what_differs(
    recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    folder = tmp_path / "sweep"
    search = swept(recipe, folder, POINTS)
    with pytest.raises(InputError, match=r"sweep\.yaml differs .*, recipe\.threat\.eps: 0\.05 there, 0\.06 here:"):
        swept(recipe, folder, POINTS, "threat.eps=0.06", resume=True)
    with pytest.raises(InputError, match=rf"points\.1\.{RATE}: 0\.1 there, 0\.2 here"):
        swept(recipe, folder, [POINTS[0], {RATE: 0.2}], resume=True)
    train = Generated.train

    def relabelled(self: Generated) -> Split:
        data = train(self)
        return Split(data.inputs, (data.labels + 1) % 3)

    monkeypatch.setattr(Generated, "train", relabelled)
    with pytest.raises(InputError, match=rf"{folder} cannot be completed: .*another experiment, labels: sha256"):
        swept(recipe, folder, POINTS, resume=True)
    monkeypatch.setattr(Generated, "train", train)
    assert swept(recipe, folder, POINTS, resume=True) == search


def test_several_processes_are_refused(recipe: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sweeping, "PartialState", lambda: SimpleNamespace(num_processes=2))
    with pytest.raises(InputError, match="one process"):
        swept(recipe, tmp_path / "sweep", POINTS)


@pytest.mark.product
def test_the_command_ends_with_table_and_page_and_is_resumed_with_its_own_arguments_alone(
    recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = tmp_path / "sweep"
    draws = ["--over", f"{RATE}={{low: 1e-3, high: 1e-1, log: true}}", "--over", "network.hidden=[[4], [8]]"]
    command = ["sweep", recipe, "--run", str(folder), *draws]
    assert main([*command, "--random", "2"]) == 0
    output, errors = capsys.readouterr()
    assert output.splitlines()[-1] == str(folder / "sweep.html")
    assert "20 held-out training examples" in output
    assert re.search(rf"^point 2 of 2: {RATE}=0\.0\d+, network\.hidden=\[\d\]$", errors, re.MULTILINE)
    table = pl.read_csv(folder / "points.csv")
    assert table[RATE].is_between(1e-3, 1e-1).all()
    assert set(table["network.hidden"]) <= {"[4]", "[8]"}
    assert table["on_front"].any()
    assert (table["certified_low"] <= table["certified"]).all()
    assert (table["seconds"] > 0).all()
    assert main([*command, "--random", "2"]) == 1
    assert "--resume" in capsys.readouterr().err
    assert main([*command, "--random", "3", "--resume"]) == 1
    assert "differs" in capsys.readouterr().err
    assert main([*command, "--random", "2", "--resume"]) == 0
    assert "point" not in capsys.readouterr().err
