"""Cascades from end to end, on the first 400 digits."""

import io
import json
import re
from pathlib import Path

import polars as pl
import pytest
import torch
from rich.console import Console

from digits import digits_file
from hauberk import cascades
from hauberk.capture import capture
from hauberk.cli import main
from hauberk.concepts.dataset import Split
from hauberk.display import Display
from hauberk.errors import InputError
from hauberk.evaluation.records import read_records
from hauberk.exclusive import exclusive
from hauberk.recipe import build, read_recipe
from hauberk.verification import InOrder, remaining
from hauberk.workflow import trained

SMALL = [
    "network={class: architectures.FullyConnected, hidden: [24]}",
    "threat.eps=0.04",
    "trainer.augmentation=null",
    "trainer.epochs=3",
    "trainer.batch=32",
    "trainer.held_out=16",
    "trainer.log_steps=2",
    "trainer.checkpoint_steps=4",
    "evaluator.shard=100",
    "evaluator.examples=150",
]
ALONE, AGREEING, FREE = "stage 1 alone", "cascade, stages must agree", "cascade without agreement"


class Quiet(Display):
    """Shows nothing to anybody, and keeps what it says."""

    def __init__(self) -> None:
        self.output = io.StringIO()
        super().__init__(Console(file=self.output, width=200))


class Killed(Quiet):
    """Stops everything at a record of the training of stage 2."""

    trainings = 0

    def training(self, record: dict) -> None:
        self.trainings += record["step"] == 2
        if self.trainings == 2 and record["step"] == 6:
            raise KeyboardInterrupt


@pytest.fixture(scope="module")
def changes(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    file = digits_file(tmp_path_factory.mktemp("data"), train=400, test=200)
    return [*SMALL, f"data={{class: datasets.NpzFile, path: {file}}}"]


def cascade(folder: Path, changes: list[str], stages: int, **given) -> list[Path]:
    return cascades.train(
        read_recipe("mnist-demo", changes), folder, stages, **{"resume": False, "display": Quiet(), **given}
    )


@pytest.fixture(scope="module")
def whole(changes: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a cascade of two, trained and evaluated."""
    folder = tmp_path_factory.mktemp("cascade") / "run"
    cascades.evaluate(folder, cascade(folder, changes, 2), Quiet())
    return folder


def weights(folder: Path, stage: int) -> bytes:
    return (folder / "stages" / str(stage) / "model.safetensors").read_bytes()


def left(stage: Path, data: Split) -> Split:
    recipe = trained(stage, [])
    graph = capture(recipe.network, data.batch(slice(0, 2))[0])
    return remaining(graph, recipe.threat, InOrder(recipe.evaluator.verifiers), data)


def test_a_stage_is_trained_on_exactly_what_the_stages_before_it_do_not_certify(whole: Path, changes: list[str]):
    first, second = (trained(whole / "stages" / number, []) for number in "12")
    expected = left(whole / "stages" / "1", build(read_recipe("mnist-demo", changes)).data.train())
    given = second.data.train()
    assert 48 < len(given) < 400
    assert torch.equal(given.inputs, expected.inputs)
    assert torch.equal(given.labels, expected.labels)
    steps = json.loads((whole / "stages" / "2" / "train.jsonl").read_text().splitlines()[-1])["steps"]
    assert steps == 3 * -(-(len(given) - 16) // 32)
    assert (first.trainer.seed, second.trainer.seed) == (0, 1)
    assert weights(whole, 1) != weights(whole, 2)


def test_the_first_stage_is_what_train_makes_and_later_ones_can_be_evaluated_and_reported(
    whole: Path, changes: list[str], tmp_path: Path
):
    settings = [word for change in changes for word in ("--set", change)]
    assert main(["train", "mnist-demo", "--run", str(tmp_path / "run"), *settings]) == 0
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == weights(whole, 1)
    stage = whole / "stages" / "2"
    quick = ["evaluator.attacks={}", "evaluator.undecided={}", "evaluator.curve=null", "evaluator.examples=20"]
    assert main(["evaluate", str(stage), *(word for change in quick for word in ("--set", change))]) == 0
    assert main(["report", str(stage), "--output", str(tmp_path / "report.html")]) == 0
    assert "datasets.Selected" in (tmp_path / "report.html").read_text()


@pytest.mark.product
def test_killed_after_the_first_stage_it_resumes_to_the_same_bits(whole: Path, changes: list[str], tmp_path: Path):
    with pytest.raises(KeyboardInterrupt):
        cascade(tmp_path, changes, 2, display=Killed())
    assert weights(tmp_path, 1) == weights(whole, 1)
    assert (tmp_path / "stages" / "2" / "checkpoint").exists()
    assert not (tmp_path / "stages" / "2" / "model.safetensors").exists()
    watched = Quiet()
    cascade(tmp_path, changes, 2, resume=True, display=watched)
    assert weights(tmp_path, 2) == weights(whole, 2)
    assert len(re.findall("epoch 3 ", watched.output.getvalue())) == 1, "the first stage was trained again"


def test_both_errors_are_reported_by_both_rules_and_agreement_certifies_a_part(whole: Path):
    folder = whole / "evaluations" / "2"
    records, summary = read_records(folder / "records"), json.loads((folder / "summary.json").read_text())
    assert len(records) == summary["examples"] == 150
    answers = {rule: records[f"certified: {rule}"] for rule in (ALONE, AGREEING, FREE)}
    for fewer, more in ((ALONE, AGREEING), (AGREEING, FREE)):
        certified = answers[fewer] >= 0
        assert (answers[fewer] == answers[more]).filter(certified).all()
        assert certified.sum() <= (answers[more] >= 0).sum()
    assert (answers[FREE] >= 0).sum() > (answers[ALONE] >= 0).sum() > 0
    for entry in summary["rules"]:
        right = answers[entry["rule"]] == records["label"]
        plain = records[f"standard: {entry['rule']}"] == records["label"]
        assert (right <= plain).all()
        counts = [150 - entry[name]["count"] for name in ("robust_error", "standard_error", "abstained")]
        assert counts == [right.sum(), plain.sum(), (answers[entry["rule"]] >= 0).sum()]
    assert {entry["subject"] for entry in summary["rules"]} == {"cascade", "cascade without agreement"}
    assert records["predictions"].list.len().unique().to_list() == [2]


@pytest.mark.product
def test_a_trained_run_may_be_the_first_stage_and_more_may_follow_later(
    whole: Path, changes: list[str], tmp_path: Path
):
    given = whole / "stages" / "1"
    cascade(tmp_path, changes, 1, first=given)
    assert weights(tmp_path, 1) == weights(whole, 1)
    cascade(tmp_path, changes, 2, first=given, resume=True)
    assert weights(tmp_path, 2) == weights(whole, 2)
    assert not (tmp_path / "stages" / "1" / "checkpoint").exists()
    with pytest.raises(InputError, match="holds another first stage"):
        cascade(tmp_path, changes, 2, first=whole / "stages" / "2", resume=True)
    with pytest.raises(InputError, match="its threat"):
        cascade(tmp_path / "other", [*changes, "threat.eps=0.05"], 2, first=given)
    assert not (tmp_path / "other").exists()


@pytest.mark.product
def test_a_stage_that_changed_after_the_next_was_trained_is_noticed(whole: Path, changes: list[str], tmp_path: Path):
    cascade(tmp_path, changes, 2, first=whole / "stages" / "1")
    other = pl.DataFrame({"index": [1, 2, 3]})
    other.write_parquet(tmp_path / "stages" / "2" / "examples.parquet")
    with pytest.raises(InputError, match="other examples"):
        cascade(tmp_path, changes, 2, resume=True)


@pytest.mark.product
def test_it_ends_with_the_stages_there_are_where_too_few_examples_are_left(
    whole: Path, changes: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    folder = tmp_path / "run"
    settings = [*changes, "trainer.batch=380"]
    given = ["--first", str(whole / "stages" / "1"), *(word for change in settings for word in ("--set", change))]
    assert main(["cascade", "mnist-demo", "--stages", "3", "--run", str(folder), *given]) == 0
    output, errors = capsys.readouterr()
    count = len(left(whole / "stages" / "1", build(read_recipe("mnist-demo", changes)).data.train()))
    assert f"training examples left after stage 1: {count} of 400" in errors
    assert "the cascade ends here: stage 2 needs 396" in errors
    assert "150 examples | cascade of 1" in output
    assert all(word in output for word in ("standard error", "robust error", "abstained", "without"))
    assert output.splitlines()[-1] == str(folder)
    assert [path.name for path in (folder / "stages").iterdir()] == ["1"]
    one, *others = json.loads((folder / "evaluations" / "1" / "summary.json").read_text())["rules"]
    assert all(other["robust_error"] == one["robust_error"] for other in others)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--stages", "0"], "at least one stage"),
        (["--stages", "2", "--set", "evaluator.verifiers=[]"], "evaluator.verifiers is empty"),
        (["--stages", "2", "--first", "no-such-run"], "no-such-run"),
        (["--stages", "2", "--set", "network=torch.nn.ReLU"], "one tensor of logits"),
    ],
)
def test_mistakes_end_with_a_message_before_anything_is_trained(
    arguments: list[str], message: str, changes: list[str], capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    settings = [word for change in changes for word in ("--set", change)]
    assert main(["cascade", "mnist-demo", "--run", str(tmp_path / "run"), *settings, *arguments]) == 1
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


@pytest.mark.product
def test_stages_may_be_smoothed_networks(changes: list[str], tmp_path: Path):
    noise = "{class: smoothing.Gaussian, sigma: 0.25}"
    smooth = [
        *changes,
        "threat={class: threats.L2Ball, eps: 0.2}",
        f"trainer.objective={{class: objectives.Noisy, noise: {noise}, loss: losses.CrossEntropy}}",
        f"evaluator.smoothing={{noise: {noise}, samples: 200, attacked: 2}}",
        "evaluator.verifiers=[{class: smoothing.FixedSample, samples: 300}]",
    ]
    stages = cascade(tmp_path, smooth, 2)
    assert 48 < len(pl.read_parquet(stages[1] / "examples.parquet")) < 400
    summary = cascades.evaluate(tmp_path, stages, Quiet())
    assert summary["certificate_confidence"] == pytest.approx(0.997, abs=1e-9)  # two stages, and a label
    alone, agreeing, _ = (rule["robust_error"]["count"] for rule in summary["rules"])
    assert agreeing <= alone < 150


@pytest.mark.product
def test_a_cascade_is_never_overwritten(whole: Path, changes: list[str]):
    with pytest.raises(InputError, match="--resume"):
        cascade(whole, changes, 2)


def test_one_process_at_a_time_judges_a_cascade(whole: Path):
    with exclusive(whole), pytest.raises(InputError, match="another process is at work"):
        cascades.evaluate(whole, [whole / "stages" / "1"], Quiet())
