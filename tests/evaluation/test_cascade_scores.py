"""Errors of cascades of random networks on a line, where the rules differ."""

import json
from pathlib import Path

import polars as pl
import pytest
import torch
from torch import nn

from hauberk.bounds import BackwardLinear, Interval
from hauberk.capture import capture
from hauberk.concepts.dataset import Split
from hauberk.concepts.graph import Graph
from hauberk.errors import InputError
from hauberk.evaluation.cascade_scores import evaluate_cascade
from hauberk.evaluation.records import read_records
from hauberk.evaluation.statistics import share
from hauberk.threats import LinfBall
from hauberk.verification import ByBound, ModelCascade, score
from laws.networks import randomize

THREAT = LinfBall(0.05)
VERIFIER = ByBound(BackwardLinear(Interval()))
X = torch.linspace(0, 1, 101, dtype=torch.float64)[:, None]
DATA = Split(X, (X[:, 0] * 3).long().clamp(max=2))
ALONE, AGREEING, FREE = "stage 1 alone", "cascade, stages must agree", "cascade without agreement"


@pytest.fixture(scope="module")
def stages() -> list[Graph]:
    """Return networks with no favourite class."""
    made, generator = [], torch.Generator().manual_seed(3)
    for _ in range(3):
        network = nn.Sequential(nn.Linear(1, 6), nn.ReLU(), nn.Linear(6, 3)).double()
        randomize(network, generator, 4.0)
        with torch.no_grad():
            network[2].bias -= network(X).mean(0)
        made.append(capture(network, X[:2]))
    return made


@pytest.fixture(scope="module")
def folder(stages: list[Graph], tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("scores")
    evaluate_cascade(stages, THREAT, VERIFIER, DATA, place, 30)
    return place


def by_rule(folder: Path) -> dict[str, dict]:
    return {entry["rule"]: entry for entry in json.loads((folder / "summary.json").read_text())["rules"]}


@pytest.mark.parametrize(
    ("rule", "count", "agreement"),
    [(ALONE, 1, True), (AGREEING, 3, True), (FREE, 3, False)],
    ids=[ALONE, AGREEING, FREE],
)
def test_each_rule_says_what_its_cascade_says(
    folder: Path, stages: list[Graph], rule: str, count: int, agreement: bool
):
    cascade = ModelCascade(stages[:count], THREAT, VERIFIER, agreement)
    records, entry = read_records(folder / "records"), by_rule(folder)[rule]
    answer, right = cascade.answer(X), score(cascade, X, DATA.labels)
    assert records[f"certified: {rule}"].to_list() == answer.label.tolist()
    assert (records[f"standard: {rule}"] == records["label"]).to_list() == right.standard.tolist()
    answered = records.filter(pl.col(f"certified: {rule}") >= 0)
    assert answered["stage"].to_list() == (answer.stage[answer.label >= 0] + 1).tolist()
    assert entry["subject"] == cascade.kind
    assert entry["standard_error"] == share(int((~right.standard).sum()), 101)
    assert entry["robust_error"] == share(int((~right.robust).sum()), 101)
    assert entry["abstained"] == share(int((answer.label < 0).sum()), 101)
    for number, found in enumerate(entry["by_stage"]):
        assert found["certified"] == share(int((answer.stage == number).sum()), 101)
        assert found["certified_rightly"] == share(int(((answer.stage == number) & right.robust).sum()), 101)


def test_the_rules_differ_and_what_is_certified_rightly_is_no_standard_error(folder: Path):
    records, entries = read_records(folder / "records"), by_rule(folder)
    abstained = [entries[rule]["abstained"]["count"] for rule in (ALONE, AGREEING, FREE)]
    assert abstained[0] > abstained[1] > abstained[2]
    for rule in (ALONE, AGREEING, FREE):
        robust = records.filter(pl.col(f"certified: {rule}") == pl.col("label"))
        assert len(robust) == 101 - entries[rule]["robust_error"]["count"] > 0
        assert (robust[f"standard: {rule}"] == robust["label"]).all()


def test_shards_that_are_there_are_kept_and_another_cascade_is_refused(
    folder: Path, stages: list[Graph], tmp_path: Path
):
    whole = read_records(folder / "records").drop("seconds")
    records = tmp_path / "records"
    evaluate_cascade(stages, THREAT, VERIFIER, DATA, tmp_path, 30)
    kept = (records / "000000030.parquet").read_bytes()
    (records / "000000060.parquet").unlink()
    evaluate_cascade(stages, THREAT, VERIFIER, DATA, tmp_path, 30)
    assert (records / "000000030.parquet").read_bytes() == kept
    assert read_records(records).drop("seconds").equals(whole)
    with pytest.raises(InputError, match=r"another experiment, stages\.0\.weights: other values in 4 of 4 tensors"):
        evaluate_cascade(stages[::-1], THREAT, VERIFIER, DATA, tmp_path, 30)
    with pytest.raises(InputError, match="shard: 30 there, 20 here"):
        evaluate_cascade(stages, THREAT, VERIFIER, DATA, tmp_path, 20)


def test_labels_that_no_stage_has_are_refused(stages: list[Graph], tmp_path: Path):
    with pytest.raises(InputError, match=r"0\.\.2"):
        evaluate_cascade(stages, THREAT, VERIFIER, Split(X, torch.full((101,), 3)), tmp_path, 30)
