"""Evaluations of a network smoothed by noise: no answer depends on shards, order or interruptions."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from digits import digits
from hauberk.attacks import DDN, PGD
from hauberk.bounds import Interval
from hauberk.concepts.dataset import Split
from hauberk.evaluation import Curve, Evaluator
from hauberk.evaluation.dataset_statement import most_failures
from hauberk.evaluation.records import attacked_radii, certified_radii, read_records
from hauberk.losses import CrossEntropy
from hauberk.objectives import Natural
from hauberk.sampling.smoothed_network import SmoothedNetwork, Smoothing
from hauberk.schedules import Constant
from hauberk.smoothing import FixedSample, Gaussian, Sequential
from hauberk.studies import CertifiedRadii, FirstLayerFilters, NeuronStability
from hauberk.threats import L2Ball, LinfBall
from hauberk.training import Trainer
from hauberk.verification import ByBound

THREAT, EXAMPLES, ALPHA = L2Ball(0.3), 40, 0.01
BY = Smoothing(Gaussian(0.3), samples=128, alpha=ALPHA, attacked=4, rows=256)
FIXED = FixedSample(256, 64, ALPHA)
PASSES = PGD(CrossEntropy(), 4, 0.5, stop_when_broken=False)
EVALUATOR = Evaluator(
    {"PGD": PASSES, "DDN": DDN(8)},
    [FIXED],
    Curve([0.5, 2], {"PGD": PASSES}, [FIXED], 20),
    {"Stability": NeuronStability(Interval()), "Filters": FirstLayerFilters(2)},
    shard=16,
    illustrated=4,
    every_attack=True,
    smoothing=BY,
)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> nn.Module:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Conv2d(1, 4, 5, 3), nn.ReLU(), nn.Flatten(), nn.Linear(256, 10))
    method = Trainer(Natural(CrossEntropy()), epochs=4, learning_rate=Constant(1e-2), batch=50, held_out=0)
    method.fit(made, digits(600), LinfBall(0.02), tmp_path_factory.mktemp("trained"))
    return made


@pytest.fixture(scope="module")
def evaluated(network: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluated")
    EVALUATOR.evaluate(network, digits(EXAMPLES), THREAT, folder)
    return folder


def summary_of(folder: Path) -> dict:
    return json.loads((folder / "summary.json").read_text())


def test_records_hold_the_answers_of_votes_and_their_radii(network: nn.Module, evaluated: Path):
    found = read_records(evaluated / "records")
    x, y = digits(EXAMPLES).batch(slice(None))
    subject = SmoothedNetwork(network.eval(), BY)
    assert found["prediction"].to_list() == subject.predict(x).tolist()
    answer = FIXED.answer(subject, x)
    right = (found["prediction"] == found["label"]).to_torch()
    radius = torch.where(answer.label == y, answer.radius, 0)
    assert found["radius"].is_null().to_list() == (~right).tolist()
    torch.testing.assert_close(found["radius"].drop_nulls().to_torch().double(), radius[right], rtol=1e-6, atol=0)
    assert (found.filter(pl.col("certified_by").is_not_null())["radius"] >= THREAT.eps).all()
    assert found["certified_by"].null_count() < EXAMPLES
    assert (found["prediction"] == -1).any(), "abstaining is not right"


def test_certified_is_at_most_attacked_at_every_radius(evaluated: Path):
    for place in ("records", "curve/0.5", "curve/2"):
        found = read_records(evaluated / place)
        certified, attacked = certified_radii(found), attacked_radii(found)
        for radius in np.linspace(0.01, 2, 200):
            assert not ((certified >= radius) & ~(attacked > radius)).any()
    assert np.isfinite(attacked).sum() > (attacked == 0).sum(), "some are broken"


def test_the_summary_names_subject_noise_and_what_holds_at_once(evaluated: Path):
    found = summary_of(evaluated)
    assert (found["subject"], found["norm"]) == ("smoothed network", "l_2")
    assert found["smoothing"] == {
        "noise": "Gaussian noise, sigma 0.3", "votes": 128, "confidence": 1 - ALPHA, "attacked": 4,
    }  # fmt: skip
    assert found["arithmetic"].startswith("Gaussian noise, sigma 0.3")
    assert found["verifiers"][0]["confidence"] == pytest.approx(1 - ALPHA)
    for one in (found, *found["curve"]):
        said, clean = one["statement"], one["clean"]["count"]
        assert (said["tried"], said["equal"], said["failure"]) == (clean, 1, pytest.approx(ALPHA))
        assert said["failures"] == most_failures(clean, ALPHA, 1) > 0
        assert said["at_least"] == max(0, one["certified"]["count"] - said["failures"])
        assert one["certified"]["count"] <= one["attacked"]["count"] <= clean
    assert isinstance(found["masking"], list)


def test_studies_that_need_a_graph_say_why_they_do_not_apply_and_others_go_on(evaluated: Path):
    reason = json.loads(pl.read_parquet_metadata(evaluated / "studies/Stability.parquet")["facts"])["not_applicable"]
    assert "smoothed network has no graph" in reason
    assert len(pl.read_parquet(evaluated / "studies/Filters.parquet"))
    assert not (evaluated / "layers.json").exists()


def test_illustrations_show_what_the_votes_say(network: nn.Module, evaluated: Path):
    kept = load_file(evaluated / "examples.safetensors")
    answers = SmoothedNetwork(network.eval(), BY).predict(kept["adversarial"])
    assert torch.equal(answers, kept["adversarial_predictions"])
    assert torch.equal(kept["clean_predictions"], kept["labels"])
    assert THREAT.at(kept["inputs"]).contains(kept["adversarial"]).all()


class KilledError(Exception):
    pass


@pytest.mark.parametrize("after", [("l2 eps 0.3", 16), ("l2 eps 0.6", 16)])
def test_a_killed_evaluation_resumes_to_the_same_records(network, evaluated: Path, tmp_path: Path, after):
    def kill(stage: str, done: int, total: int) -> None:
        if (stage, done) == after:
            raise KilledError

    with pytest.raises(KilledError):
        EVALUATOR.evaluate(network, digits(EXAMPLES), THREAT, tmp_path, watch=kill)
    found = EVALUATOR.evaluate(network, digits(EXAMPLES), THREAT, tmp_path)
    for place in ("records", "curve/0.5", "curve/2"):
        assert read_records(evaluated / place).drop("seconds").equals(read_records(tmp_path / place).drop("seconds"))
    for name in ("clean", "attacked", "certified", "statement", "masking"):
        assert found[name] == summary_of(evaluated)[name]


def test_the_shard_size_changes_no_answer(network: nn.Module, evaluated: Path, tmp_path: Path):
    replace(EVALUATOR, shard=9, curve=None, studies={}).evaluate(network, digits(EXAMPLES), THREAT, tmp_path)
    whole, parts = read_records(evaluated / "records"), read_records(tmp_path / "records")
    same = ["prediction", "certified_by", "radius", "lower", "broken_by"]
    assert whole.select(same).equals(parts.select(same))
    for one, other in zip(attacked_radii(whole), attacked_radii(parts), strict=True):
        assert one == pytest.approx(other, rel=1e-3)


def test_the_order_changes_no_answer(network: nn.Module, evaluated: Path, tmp_path: Path):
    order = torch.randperm(EXAMPLES, generator=torch.Generator().manual_seed(0))
    plan = replace(EVALUATOR, attacks={}, curve=None, studies={})
    plan.evaluate(network, digits(EXAMPLES).select(order), THREAT, tmp_path)
    found, same = read_records(tmp_path / "records"), ["label", "prediction", "certified_by", "radius", "lower"]
    assert found.select(same).equals(read_records(evaluated / "records").select(same)[order.tolist()])


def test_without_attacks_votes_certify_all_the_same(network: nn.Module, evaluated: Path, tmp_path: Path):
    found = replace(EVALUATOR, attacks={}, curve=None, studies={}).evaluate(network, digits(EXAMPLES), THREAT, tmp_path)
    whole = summary_of(evaluated)
    assert (found["attacked"], found["masking"]) == (None, None)
    assert found["clean"] == whole["clean"]
    assert not whole["overturned"]
    assert found["certified"] == whole["certified"]
    assert found["statement"] == whole["statement"]


def test_without_verifiers_nothing_is_stated(network: nn.Module, evaluated: Path, tmp_path: Path):
    plan = replace(EVALUATOR, verifiers=[], curve=None, studies={})
    found = plan.evaluate(network, digits(EXAMPLES), THREAT, tmp_path)
    assert (found["certified"], found["statement"]) == (None, None)
    assert found["attacked"] == summary_of(evaluated)["attacked"]
    assert read_records(tmp_path / "records")["radius"].null_count() == EXAMPLES


def test_bounds_of_the_network_do_not_apply_to_its_vote(network: nn.Module, tmp_path: Path):
    plan = Evaluator({}, [ByBound(Interval(), "interval"), FIXED], smoothing=BY)
    found = plan.evaluate(network, digits(8), THREAT, tmp_path)
    assert "smoothed network" in found["verifiers"][0]["not_applicable"]
    assert found["certified"]["count"] == found["verifiers"][1]["certified"]


def test_equal_inputs_are_allowed_for(network: nn.Module, tmp_path: Path):
    x, y = digits(6).batch(slice(None))
    data = Split(torch.cat([x, x[1:2], x[1:2]]), torch.cat([y, y[1:2], y[1:2]]))
    found = Evaluator({}, [FIXED], smoothing=BY).evaluate(network, data, THREAT, tmp_path)
    said, tried = found["statement"], found["clean"]["count"]
    assert said["equal"] == 3
    assert said["failures"] == most_failures(tried, ALPHA, 3) > most_failures(tried, ALPHA, 1)
    (same,) = set(read_records(tmp_path / "records")[[1, 6, 7]]["radius"])
    assert same > 0


def test_failures_of_several_verifiers_add_up_in_the_statement(network: nn.Module, tmp_path: Path):
    verifiers = [Sequential(64, alpha=ALPHA), replace(FIXED, alpha=2 * ALPHA)]
    found = Evaluator({}, verifiers, smoothing=BY).evaluate(network, digits(16), L2Ball(0.5), tmp_path)
    assert found["statement"]["failure"] == pytest.approx(3 * ALPHA)
    assert found["verifiers"][1]["certified"] > 0


def test_where_votes_certify_no_radius_of_the_threats_norm_they_certify_the_set(network: nn.Module, tmp_path: Path):
    found = Evaluator({}, [FIXED], smoothing=BY).evaluate(network, digits(16), LinfBall(0.002), tmp_path)
    assert found["certified"]["count"] > 0
    assert read_records(tmp_path / "records")["radius"].null_count() == 16
    assert found["statement"]["failure"] == pytest.approx(ALPHA)


def test_radii_of_bounds_do_not_apply(network: nn.Module, tmp_path: Path):
    plan = Evaluator({}, [], studies={"Radii": CertifiedRadii(Interval())}, smoothing=BY)
    plan.evaluate(network, digits(8), THREAT, tmp_path)
    assert "bounds speak of a network" in pl.read_parquet_metadata(tmp_path / "studies/Radii.parquet")["facts"]
