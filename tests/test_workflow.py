"""What a run's folder holds after training, for what the command line's own tests do not reach."""

import json
import re
from pathlib import Path

import pytest
from safetensors.torch import load_file

from hauberk import workflow
from hauberk.cli import main
from hauberk.errors import InputError
from hauberk.exclusive import exclusive, hold
from hauberk.failures import told
from hauberk.recipe import read_recipe

RECIPE = """
data: {class: datasets.Generated, shape: [6], classes: 3, train: 12, test: 3}
threat: {class: threats.LinfBall, eps: 0.2}
network: {class: architectures.FullyConnected, hidden: [4]}
trainer:
  objective:
    class: objectives.Adversarial
    attack: {class: attacks.FGSM, loss: losses.CrossEntropy}
    loss: losses.CrossEntropy
  epochs: 3
  batch: 4
  held_out: 3
  learning_rate: {class: schedules.Constant, value: 0.1}
evaluator: {attacks: {FGSM: {class: attacks.FGSM, loss: losses.Margin}}, verifiers: []}
variants:
  tiny: {trainer.epochs: 2}
scales:
  smoke: {trainer.epochs: 1, data.seed: 5}
"""


@pytest.fixture
def recipe(tmp_path: Path) -> str:
    (tmp_path / "recipe.yaml").write_text(RECIPE)
    return str(tmp_path / "recipe.yaml")


def trained(recipe: str, folder: Path, *changes: str, scale: str | None = None) -> Path:
    workflow.train(read_recipe(recipe, list(changes), scale), folder, resume=False, watch=lambda record: None)
    return folder


def test_training_sees_the_threat_that_it_is_to_defend_against(recipe: str, tmp_path: Path):
    without, other, whole = (
        load_file(trained(recipe, tmp_path / name, *changes) / "model.safetensors")
        for name, changes in {
            "without": ["threat.eps=0"],
            "other": ["training_threat={class: threats.LinfBall, eps: 0}"],
            "whole": [],
        }.items()
    )
    assert all(other[name].equal(without[name]) for name in other)
    assert not all(other[name].equal(whole[name]) for name in other)
    about = json.loads((tmp_path / "other" / "run.json").read_text())
    assert (about["threat"], about["training_threat"]) == ("linf eps 0.2", "linf eps 0")
    summary = workflow.evaluate(tmp_path / "other", [], lambda stage, done, total: None)[""]
    assert summary["threat"] == "linf eps 0.2"


def test_a_run_knows_its_classes_and_its_recipes_name(recipe: str, tmp_path: Path):
    folder = tmp_path / "run"
    workflow.train(read_recipe(recipe, []), folder, resume=False, watch=lambda record: None, name="mine")
    found = [json.loads((place / "run.json").read_text()) for place in (folder, folder / "variants" / "tiny")]
    assert [about["recipe"] for about in found] == ["mine", "mine-tiny"]
    assert all(about["classes"] == ["0", "1", "2"] for about in found)


def test_the_recipe_in_the_folder_is_what_was_run_at_that_scale(recipe: str, tmp_path: Path):
    folder = trained(recipe, tmp_path / "run", "trainer.batch=6", scale="smoke")
    kept = read_recipe(str(folder / "recipe.yaml"), [])
    assert "scales" not in (folder / "recipe.yaml").read_text()
    assert (kept["trainer"]["epochs"], kept["trainer"]["batch"], kept["data"]["seed"]) == (1, 6, 5)
    variant = read_recipe(str(folder / "variants" / "tiny" / "recipe.yaml"), [])
    assert (variant["trainer"]["epochs"], variant["trainer"]["batch"], variant["data"]["seed"]) == (2, 6, 5)
    assert "synthetic" in json.loads((folder / "run.json").read_text())["dataset"]


def test_test_examples_are_judged_if_the_recipe_says_so(recipe: str, tmp_path: Path):
    change = "trainer.test_judge={class: attacks.FGSM, loss: losses.CrossEntropy}"
    folder = trained(recipe, tmp_path / "run", change, "variants={}")
    lines = [json.loads(line) for line in (folder / "train.jsonl").read_text().splitlines()]
    shares = [line["test_robust"] for line in lines if line["kind"] == "epoch"]
    assert len(shares) == 3
    assert all(3 * share == pytest.approx(round(3 * share)) for share in shares)  # of three test examples


def test_a_folder_where_the_weights_belong_is_noticed_before_training(recipe: str, tmp_path: Path):
    folder = tmp_path / "run"
    (folder / "model.safetensors").mkdir(parents=True)
    with pytest.raises(InputError, match=r"model\.safetensors is a folder"):
        trained(recipe, folder)
    assert [path.name for path in folder.iterdir()] == ["model.safetensors"]


def test_a_resumption_that_is_refused_changes_no_file(recipe: str, tmp_path: Path):
    folder = trained(recipe, tmp_path / "run")
    (state,) = (folder / "checkpoint").glob("*/state.json")
    state.write_text(state.read_text().replace('"step"', '"stop"'))
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    with pytest.raises(InputError, match="cannot be restored"):
        workflow.train(read_recipe(recipe, []), folder, resume=True, watch=lambda record: None)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def judged(folder: Path, *changes: str, name: str | None = None) -> dict:
    return workflow.evaluate(folder, list(changes), lambda stage, done, total: None, name)[""]


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_evaluations_stand_side_by_side_each_with_its_recipe(recipe: str, tmp_path: Path):
    folder = trained(recipe, tmp_path / "run")
    assert judged(folder)["threat"] == "linf eps 0.2"
    own = contents(folder)
    assert judged(folder, "threat.eps=0.3", name="far")["threat"] == "linf eps 0.3"
    for run in (folder, folder / "variants" / "tiny"):
        assert (run / "evaluation" / "recipe.yaml").read_bytes() == (run / "recipe.yaml").read_bytes()
        used = read_recipe(str(run / "evaluations" / "far" / "recipe.yaml"), [])
        assert used == read_recipe(str(run / "recipe.yaml"), ["threat.eps=0.3"])
        assert (run / "evaluations" / "far" / "summary.json").exists()
    after = contents(folder)
    assert {path: after[path] for path in own} == own
    assert {path.parts[len(folder.parts)] for path in after.keys() - own.keys()} == {"evaluations", "variants"}


def test_an_evaluation_goes_on_only_as_the_one_it_was(recipe: str, tmp_path: Path):
    folder = trained(recipe, tmp_path / "run", "variants={}")
    for name in (None, "far"):
        judged(folder, "threat.eps=0.3", name=name)
        before = contents(folder)
        with pytest.raises(InputError, match="eps"):
            judged(folder, name=name)
        assert contents(folder) == before
        (folder / ("evaluations/far" if name else "evaluation") / "summary.json").unlink()
        judged(folder, "threat.eps=0.3", name=name)
        assert contents(folder).keys() == before.keys()


def test_other_weights_do_not_complete_an_evaluation(recipe: str, tmp_path: Path):
    folder, other = (trained(recipe, tmp_path / name, "variants={}", f"seed={name}") for name in "12")
    judged(folder, name="strong")
    before = contents(folder / "evaluations")
    (folder / "model.safetensors").write_bytes((other / "model.safetensors").read_bytes())
    with pytest.raises(InputError, match=r"evaluations/strong cannot be completed.*network"):
        judged(folder, name="strong")
    assert contents(folder / "evaluations") == before


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("../x", []),
        ("", []),
        ("new", ["evaluator.shrad=3"]),
        ("new", ["threat={class: threats.LinfBall, eps: 0.2, within: [0.5, 0.500001]}"]),
        ("new", ["data.classes=4"]),
    ],
)
def test_an_evaluation_that_is_refused_leaves_no_trace(recipe: str, tmp_path: Path, name: str, changes: list[str]):
    folder = trained(recipe, tmp_path / "run", "variants={}")
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError):
        judged(folder, *changes, name=name)
    assert sorted(tmp_path.rglob("*")) == before


def test_two_evaluations_of_a_run_go_on_at_once_but_not_beside_its_training(recipe: str, tmp_path: Path):
    folder = trained(recipe, tmp_path / "run", "variants={}")
    with hold(folder, shared=True), exclusive(folder / "evaluations" / "far"):
        judged(folder)
        with pytest.raises(InputError, match=r"at work in .*evaluations/far"):
            judged(folder, name="far")
        with pytest.raises(InputError, match="at work in"):
            workflow.train(read_recipe(recipe, ["variants={}"]), folder, resume=True, watch=lambda record: None)
    with exclusive(folder), pytest.raises(InputError, match="at work in"):
        judged(folder)


def test_variants_are_named_in_records_and_evaluations(recipe: str, tmp_path: Path):
    records, stages = [], set()
    workflow.train(read_recipe(recipe, []), tmp_path / "run", resume=False, watch=records.append)
    epochs = [(record.get("variant"), record["epoch"]) for record in records if record["kind"] == "epoch"]
    assert epochs == [(None, 1.0), (None, 2.0), (None, 3.0), ("tiny", 1.0), ("tiny", 2.0)]
    found = workflow.evaluate(tmp_path / "run", [], lambda stage, done, total: stages.add(stage))
    assert list(found) == ["", "tiny"]
    assert stages == {"linf eps 0.2", "tiny, linf eps 0.2"}


def test_an_error_inside_a_variant_names_it(recipe: str, tmp_path: Path):
    mistaken = read_recipe(recipe, ["variants.tiny={trainer.epochs: 0}"])
    with pytest.raises(InputError) as wrong:
        workflow.train(mistaken, tmp_path / "run", resume=False, watch=lambda record: None)
    assert told(wrong.value).startswith("variant tiny: Trainer needs epochs")
    trained(recipe, tmp_path / "run")
    (tmp_path / "run" / "variants" / "tiny" / "model.safetensors").unlink()
    with pytest.raises(InputError) as missing:
        workflow.evaluate(tmp_path / "run", [], lambda stage, done, total: None)
    assert told(missing.value).startswith("variant tiny: ")
    own = read_recipe(recipe, ["trainer.epochs=0"])
    with pytest.raises(InputError) as unnamed:
        workflow.train(own, tmp_path / "other", resume=False, watch=lambda record: None)
    assert "variant" not in told(unnamed.value)


def test_commands_print_the_headline_of_every_variant(recipe: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    folder = str(tmp_path / "run")
    assert main(["demo", recipe, "--run", folder]) == 0
    said = capsys.readouterr()
    shares = r"clean \d+\.\d % \| attacked \d+\.\d % \| linf eps 0\.2 \| 3 examples"
    assert re.fullmatch(rf"tiny: {shares}\n{shares} \| .*\n", said.out), said.out
    lines = [line.split("  loss")[0] for line in said.err.splitlines()]
    assert lines[:5] == ["epoch 1", "epoch 2", "epoch 3", "tiny  epoch 1", "tiny  epoch 2"]
    assert lines[5:] == ["evaluated linf eps 0.2: 3 examples", "evaluated tiny, linf eps 0.2: 3 examples"]
    assert main(["evaluate", folder, "--quiet"]) == 0
    titles = [line for line in capsys.readouterr().out.splitlines() if "3 examples" in line]
    assert titles == ["linf eps 0.2 | 3 examples | network", "tiny | linf eps 0.2 | 3 examples | network"]
