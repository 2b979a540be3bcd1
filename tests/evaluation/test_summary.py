"""Summaries of several shards, against sums made by hand."""

import json
from pathlib import Path

import polars as pl
import pytest

from hauberk.attacks import FGSM
from hauberk.bounds import BackwardLinear, Interval
from hauberk.evaluation.records import SCHEMA, attack_schema
from hauberk.evaluation.summary import summarised
from hauberk.losses import Margin
from hauberk.threats import LinfBall
from hauberk.verification import ByBound

VERIFIERS = [ByBound(Interval(), "interval"), ByBound(BackwardLinear(), "linear")]


def write(file: Path, certified_by, broken_by, *, eps=0.1, arithmetic="", confidence=None, seconds=None) -> None:
    """Write a shard of two examples, the second of which is misclassified if nothing is known of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    columns = {name: [None, None] for name in SCHEMA | attack_schema(["a"])}
    known = {"index": [0, 1], "label": [0, 0], "prediction": [0, 0], "eps": [eps] * 2, "seconds": [1.5, 1.5]}
    columns |= known | {"certified_by": certified_by, "broken_by": broken_by}
    facts = {"seconds": seconds or {}, "attack_seconds": {"a": 2.0}, "attacks_not_applicable": {}, "not_applicable": {}}
    metadata = {name: json.dumps(value) for name, value in facts.items()}
    metadata |= {"arithmetic": arithmetic, "confidence": json.dumps(confidence or {})}
    pl.DataFrame(columns, schema=SCHEMA | attack_schema(["a"])).write_parquet(file, metadata=metadata)


@pytest.fixture
def summary(tmp_path):
    write(tmp_path / "records/0.parquet", ["interval", None], [None, "a"], confidence={"linear": 0.9})
    given = {"arithmetic": "float32", "confidence": {"linear": 0.95, "interval": 1.0}, "seconds": {"interval": 3.0}}
    write(tmp_path / "records/1.parquet", ["interval", "linear"], [None, "linear"], **given)
    given = {"arithmetic": "float32; float64", "seconds": {"interval": 1.0, "linear": 4.0}}
    write(tmp_path / "records/2.parquet", ["linear", None], [None, None], **given)
    for name, eps in (("2", 0.2), ("0.5", 0.05)):
        write(tmp_path / "curve" / name / "0.parquet", ["interval", None], [None, "a"], eps=eps)
    return summarised(tmp_path, LinfBall(0.1), {}, VERIFIERS, {"x": FGSM(Margin()), "y": FGSM(Margin())}, 7)


def test_counts_and_times_are_those_of_all_shards(summary):
    assert [summary[name]["count"] for name in ("clean", "attacked", "certified")] == [6, 4, 3]
    assert summary["examples"] == 6
    first, second = summary["verifiers"]
    assert (first["certified"], first["overturned"], first["refuted"], first["seconds"]) == (2, 0, 0, 4.0)
    assert (second["certified"], second["overturned"], second["refuted"], second["seconds"]) == (1, 1, 1, 4.0)
    assert (first["confidence"], second["confidence"]) == (1.0, 0.9), "the least of all shards"
    assert summary["seconds"] == pytest.approx(3 * 3.0 + 2 * 3.0), "the curve's, too"


def test_the_arithmetic_is_that_of_every_shard(summary):
    assert summary["arithmetic"] == "float32; float64"


def test_the_curve_goes_by_radius(summary):
    assert [point["eps"] for point in summary["curve"]] == [0.05, 0.2]
    assert [point["certified"]["count"] for point in summary["curve"]] == [1, 1]
    assert summary["curve_attack"] == "x, y"
    assert (summary["eps"], summary["seed"]) == (0.1, 7)
