"""Summaries of several shards, against sums made by hand."""

import json
from pathlib import Path

import polars as pl
import pytest

from hauberk.attacks import FGSM
from hauberk.bounds import BackwardLinear, Interval
from hauberk.evaluation.curve import Curve
from hauberk.evaluation.records import SCHEMA, attack_schema
from hauberk.evaluation.summary import summarised
from hauberk.losses import Margin
from hauberk.threats import LinfBall
from hauberk.verification import ByBound

VERIFIERS = [ByBound(Interval(), "interval"), ByBound(BackwardLinear(), "linear")]


def write(
    file: Path, certified_by, broken_by, *, eps=0.1, arithmetic="", confidence=None, seconds=None, **refused
) -> None:
    """Write a shard of two examples, the second of which is misclassified if nothing is known of it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    columns = {name: [None, None] for name in SCHEMA | attack_schema(["a"])}
    known = {"index": [0, 1], "label": [0, 0], "prediction": [0, 0], "eps": [eps] * 2, "seconds": [1.5, 1.5]}
    columns |= known | {"certified_by": certified_by, "broken_by": broken_by}
    facts = {"seconds": seconds or {}, "attack_seconds": {"a": 2.0}, "attacks_not_applicable": {}, "not_applicable": {}}
    facts |= {"attack_remarks": {}, **refused}
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
    curve = Curve([2, 0.5], {"x": FGSM(Margin()), "y": FGSM(Margin())}, VERIFIERS[:1])
    return summarised(tmp_path, LinfBall(0.1), {"a": FGSM(Margin())}, VERIFIERS, curve, 7)


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


ATTACKS = {"a": FGSM(Margin())}
NO_OP, NO_SET = {"interval": "no op.", "linear": "no op."}, {"a": "no set."}


def refusing(tmp_path, broken_by=(None, None), **refused):
    for place in ("records", "curve/2"):
        write(tmp_path / place / "0.parquet", [None, None], list(broken_by), **refused)
    curve = Curve([2], ATTACKS, VERIFIERS)
    return summarised(tmp_path, LinfBall(0.1), ATTACKS, VERIFIERS, curve, 7)


def test_where_no_verifier_applies_nothing_is_certified_rather_than_zero(tmp_path):
    summary = refusing(tmp_path, not_applicable=NO_OP)
    for one in (summary, *summary["curve"]):
        assert one["certified"] is None
        assert one["attacked"]["count"] == 2
        assert one["not_applicable"] == {"certified": "not applicable: no op."}
    assert refusing(tmp_path, not_applicable={"linear": "no op."})["certified"]["count"] == 0, "one of two applied"


def test_where_no_attack_applies_the_clean_accuracy_is_not_passed_off_as_attacked(tmp_path):
    summary = refusing(tmp_path, attacks_not_applicable=NO_SET)
    for one in (summary, *summary["curve"]):
        assert one["attacked"] is None
        assert one["certified"]["count"] == 0
        assert one["not_applicable"] == {"attacked": "not applicable: no set."}
    assert summary["curve_remarks"] == ["a is not applicable: no set."]
    refuted = refusing(tmp_path, (None, "linear"), attacks_not_applicable=NO_SET)
    assert refuted["attacked"]["count"] == 1, "a verifier broke one"


def test_what_was_not_asked_is_unknown_without_a_reason(tmp_path):
    write(tmp_path / "records/0.parquet", [None, None], [None, None])
    summary = summarised(tmp_path, LinfBall(0.1), {}, [], None, 7)
    assert (summary["attacked"], summary["certified"], summary["not_applicable"]) == (None, None, {})


def test_parts_that_were_left_out_are_told_of_the_attack_and_of_the_curve(tmp_path):
    summary = refusing(tmp_path, attack_remarks={"a": ["Square is left out."]})
    assert summary["attacks"][0]["remarks"] == ["Square is left out."]
    assert summary["curve_remarks"] == ["a: Square is left out."]
