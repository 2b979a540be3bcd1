import json
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl
import pytest
import torch
from safetensors.torch import load_file
from torch import nn

from digits import digits
from hauberk.attacks import FGSM, PGD, Restarts
from hauberk.bounds import BackwardLinear, Interval
from hauberk.capture import capture
from hauberk.concepts.attack import Attack
from hauberk.concepts.certificate import Certificate, Verdict, Verifier
from hauberk.errors import HauberkError, InputError, SoundnessError
from hauberk.evaluation import Curve, Evaluator
from hauberk.evaluation.records import read_records
from hauberk.kernels.full_precision import PLACES
from hauberk.losses import CrossEntropy, Margin
from hauberk.objectives import Certified
from hauberk.reports.tables import headline_rows, read
from hauberk.schedules import Constant
from hauberk.threats import LinfBall
from hauberk.training import Trainer
from hauberk.verification import ByBound, MixedInteger
from unbounded import Sinc

THREAT = LinfBall(0.03)
VERIFIERS = [ByBound(Interval(), "interval"), ByBound(BackwardLinear(), "CROWN")]
ATTACKS = {"FGSM": FGSM(CrossEntropy()), "PGD": Restarts(PGD(Margin(), 5, 0.4), 2)}
EVALUATOR = Evaluator(ATTACKS, VERIFIERS, Curve([0.5, 2], {"PGD": PGD(Margin(), 5, 0.4)}, VERIFIERS[:1], 60), shard=40)


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> nn.Module:
    torch.manual_seed(0)
    made = nn.Sequential(nn.Flatten(), nn.Linear(784, 30), nn.ReLU(), nn.Linear(30, 10))
    objective = Certified(Interval(), CrossEntropy(), Constant(0.5))
    method = Trainer(objective, epochs=4, learning_rate=Constant(5e-3), batch=50, held_out=0)
    method.fit(made, digits(600), LinfBall(0.02), tmp_path_factory.mktemp("trained"))
    return made


@pytest.fixture(scope="module")
def evaluated(network: nn.Module, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evaluated")
    EVALUATOR.evaluate(network, digits(100), THREAT, folder)
    return folder


def test_there_is_one_record_per_example_and_all_three_accuracies_differ(evaluated: Path):
    records = read_records(evaluated / "records")
    assert records["index"].to_list() == list(range(100))
    summary = json.loads((evaluated / "summary.json").read_text())
    counts = [summary[name]["count"] for name in ("certified", "attacked", "clean")]
    assert 0 < counts[0] <= counts[1] < counts[2] < 100
    assert summary["clean"]["low"] < summary["clean"]["share"] < summary["clean"]["high"]
    assert {entry["name"] for entry in summary["attacks"]} == {"FGSM", "PGD"}
    assert sum(entry["broken"] for entry in summary["attacks"]) == counts[2] - counts[1]


def test_a_network_is_captured_only_where_something_looks_at_its_graph(
    network: nn.Module, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    seen = []
    monkeypatch.setattr(
        "hauberk.evaluation.captured_graph.capture", lambda *given: seen.append(given) or capture(*given)
    )
    attacked = Evaluator(ATTACKS, []).evaluate(network, digits(20), THREAT, tmp_path / "attacked")
    assert not seen
    curve = Curve([1.0], {}, VERIFIERS[:1], 5)
    with_curve = Evaluator(ATTACKS, [], curve).evaluate(network, digits(20), THREAT, tmp_path / "curve")
    assert len(seen) == 1
    assert attacked["attacked"] == with_curve["attacked"]


def test_records_say_what_the_network_says(network: nn.Module, evaluated: Path):
    records = read_records(evaluated / "records")
    x, y = digits(100).batch(slice(None))
    logits = network(x)
    assert records["prediction"].to_list() == logits.argmax(1).tolist()
    others = logits.scatter(1, y[:, None], -torch.inf).amax(1)
    margins = logits.gather(1, y[:, None])[:, 0] - others
    torch.testing.assert_close(torch.tensor(records["margin"].to_list()), margins.detach())
    proven = records.filter(pl.col("certified_by").is_not_null())
    assert (proven["lower"] > 0).all()
    assert (proven["lower"] <= proven["margin"]).all()
    assert records.filter(pl.col("prediction") != pl.col("label"))["certified_by"].is_null().all()


def test_the_curve_falls_and_stays_ordered(evaluated: Path):
    curve = json.loads((evaluated / "summary.json").read_text())["curve"]
    assert [point["eps"] for point in curve] == pytest.approx([0.015, 0.06])
    assert all(point["certified"]["count"] <= point["attacked"]["count"] <= point["clean"]["count"] for point in curve)
    assert curve[0]["certified"]["count"] > curve[1]["certified"]["count"]


def test_illustrations_are_members_with_the_predictions_written(network: nn.Module, evaluated: Path):
    tensors = load_file(evaluated / "examples.safetensors")
    assert len(tensors["inputs"]) == 10
    assert THREAT.at(tensors["inputs"]).contains(tensors["adversarial"]).all()
    assert torch.equal(network(tensors["adversarial"]).argmax(1), tensors["adversarial_predictions"])
    assert (tensors["adversarial_predictions"] != tensors["labels"]).sum() == 5
    layers = json.loads((evaluated / "layers.json").read_text())
    assert [layer["neurons"] for layer in layers] == [30]
    assert layers[0]["active"] + layers[0]["inactive"] + layers[0]["unstable"] == pytest.approx(1)


class KilledError(Exception):
    pass


def kill(stage: str, done: int, total: int) -> None:
    if done >= 80:
        raise KilledError


def test_a_killed_evaluation_resumes_to_the_same_records(network: nn.Module, evaluated: Path, tmp_path: Path):
    with pytest.raises(KilledError):
        EVALUATOR.evaluate(network, digits(100), THREAT, tmp_path, watch=kill)
    assert len(read_records(tmp_path / "records")) == 80
    EVALUATOR.evaluate(network, digits(100), THREAT, tmp_path)
    for place in ("records", "curve/0.5", "curve/2"):
        assert read_records(evaluated / place).drop("seconds").equals(read_records(tmp_path / place).drop("seconds"))


def test_the_shard_size_changes_no_record(network: nn.Module, evaluated: Path, tmp_path: Path):
    replace(EVALUATOR, shard=27, curve=None).evaluate(network, digits(100), THREAT, tmp_path)
    whole, parts = (
        read_records(folder / "records").drop("seconds", "margin", "lower") for folder in (evaluated, tmp_path)
    )
    assert whole.equals(parts)


def test_a_folder_of_another_evaluation_is_refused(network: nn.Module, evaluated: Path):
    with pytest.raises(InputError, match="another"):
        EVALUATOR.evaluate(network, digits(100), LinfBall(0.2), evaluated)


def test_the_mode_of_every_part_is_restored(network: nn.Module, tmp_path: Path):
    network.train()
    network[2].eval()
    replace(EVALUATOR, curve=None).evaluate(network, digits(20), THREAT, tmp_path)
    assert [part.training for part in network] == [True, True, False, True]
    assert network.training


@dataclass(frozen=True)
class Credulous(Verifier):
    """Calls everything proven."""

    name: str = "credulous"

    def __call__(self, subject, S, spec) -> Certificate:
        return Certificate.from_lower(torch.ones_like(spec.offset), subject.kind, "none")


def test_a_contradiction_is_an_error_and_the_evidence_is_kept(network: nn.Module, tmp_path: Path):
    with pytest.raises(SoundnessError, match="credulous") as caught:
        replace(EVALUATOR, verifiers=[Credulous()]).evaluate(network, digits(100), LinfBall(0.3), tmp_path)
    (evidence,) = tmp_path.glob("contradiction-*.safetensors")
    assert evidence.name in str(caught.value)
    tensors = load_file(evidence)
    x = tensors["counterexample"][None]
    assert LinfBall(0.3).at(tensors["input"][None]).contains(x).all()
    assert network(x).argmax() != tensors["label"]


@dataclass(frozen=True)
class Lucky(Verifier):
    """Calls everything proven, with little confidence."""

    name: str = "lucky"

    def __call__(self, subject, S, spec) -> Certificate:
        return Certificate.from_lower(torch.ones_like(spec.offset), subject.kind, "none", 0.6)


def test_a_proof_that_may_fail_is_overturned_by_an_attack_and_counted(network: nn.Module, tmp_path: Path):
    verifiers = [ByBound(Interval(), "interval"), Lucky("lucky"), Lucky("idle")]
    plan = replace(EVALUATOR, verifiers=verifiers, curve=None)
    summary = plan.evaluate(network, digits(100), LinfBall(0.1), tmp_path)
    records = read_records(tmp_path / "records")
    proven, broken = (records[name].is_not_null() for name in ("certified_by", "broken_by"))
    sure, lucky, idle = summary["verifiers"]
    assert (records["certified_by"].drop_nulls().is_in(["interval", "lucky"])).all()
    assert lucky["overturned"] == (proven & broken).sum() > 0
    assert lucky["certified"] == ((records["certified_by"] == "lucky") & ~broken).sum() > 0
    assert summary["certified"]["count"] == (proven & ~broken).sum() == sure["certified"] + lucky["certified"]
    assert [one["overturned"] for one in (sure, idle)] == [0, 0]
    assert (sure["confidence"], lucky["confidence"]) == (1.0, 0.6)
    assert not list(tmp_path.glob("contradiction-*"))


def test_counterexamples_of_verifiers_count_as_those_of_attacks_do(network: nn.Module, tmp_path: Path):
    verifiers = [ByBound(Interval(), "interval"), MixedInteger(BackwardLinear(), name="exact")]
    plan = Evaluator({"weak": PGD(Margin(), 1, 0.01)}, verifiers, shard=40)
    summary = plan.evaluate(network, digits(60), LinfBall(0.03), tmp_path)
    records = read_records(tmp_path / "records")
    refuted = records.filter(records["broken_by"] == "exact")
    assert len(refuted) == summary["verifiers"][1]["refuted"] > 0
    clean, attacked, certified = (summary[name]["count"] for name in ("clean", "attacked", "certified"))
    assert 0 < certified <= attacked == clean - summary["attacks"][0]["broken"] - len(refuted)
    assert attacked - certified <= 1, "all but minima within rounding errors of zero are decided"
    assert refuted["certified_by"].is_null().all()
    assert (refuted["distance"] <= 0.03 * (1 + 1e-6)).all()
    headline = headline_rows(read(summary))
    assert next(row.meaning for row in headline if row.name == "attacked").endswith("and every verifier")


@pytest.mark.parametrize("spared", [False, True])
def test_a_verifier_that_is_asked_last_sees_no_broken_example(network: nn.Module, tmp_path: Path, spared: bool):
    seen: list[int] = []

    class Watching(Verifier):
        name, last = "watching", spared

        def __call__(self, subject, S, spec) -> Certificate:
            seen.append(len(S.start))
            return Certificate.from_lower(-torch.ones_like(spec.offset), subject.kind, "none")

    plan = replace(EVALUATOR, verifiers=[Watching()], curve=None)
    summary = plan.evaluate(network, digits(100), LinfBall(0.1), tmp_path)
    assert summary["attacked"]["count"] < summary["clean"]["count"]
    assert sum(seen) == summary["attacked" if spared else "clean"]["count"]


@dataclass(frozen=True)
class Slanderous(Verifier):
    """Calls everything refuted, at points that the network gets right."""

    name: str = "slanderous"

    def __call__(self, subject, S, spec) -> Certificate:
        found = Certificate.from_lower(-torch.ones_like(spec.offset), subject.kind, "none")
        verdict = torch.full_like(found.verdict, Verdict.FALSIFIED.value)
        return replace(found, verdict=verdict, counterexamples=S.start)


def test_a_refutation_that_does_not_hold_is_not_counted(network: nn.Module, tmp_path: Path):
    plan = replace(EVALUATOR, attacks={}, verifiers=[Slanderous()], curve=None)
    summary = plan.evaluate(network, digits(100), THREAT, tmp_path)
    assert summary["attacked"] is None
    assert read_records(tmp_path / "records")["broken_by"].is_null().all()
    assert summary["verifiers"][0]["refuted"] == 0


def test_an_attack_and_a_verifier_may_not_share_a_name():
    with pytest.raises(InputError, match="PGD"):
        replace(EVALUATOR, verifiers=[ByBound(Interval(), "PGD")])


@dataclass(frozen=True)
class Escaping(Attack):
    """Answers outside the set."""

    def __call__(self, network, S, y, *, noise):
        return S.start + 2 * S.radius.view(-1, 1, 1, 1)


def test_an_answer_outside_the_set_is_an_error(network: nn.Module, tmp_path: Path):
    with pytest.raises(HauberkError, match="escaping"):
        replace(EVALUATOR, attacks={"escaping": Escaping()}).evaluate(network, digits(10), THREAT, tmp_path)


def test_all_of_an_evaluation_is_in_full_precision(network: nn.Module, tmp_path: Path):
    class Asking(Attack):
        def __call__(self, network, S, y, *, noise):
            assert {place.fp32_precision for place in PLACES} == {"ieee"}
            return S.start

    torch.set_float32_matmul_precision("medium")
    try:
        Evaluator({"asking": Asking()}, [], shard=40).evaluate(network, digits(20), THREAT, tmp_path)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")


def test_a_network_without_bounds_is_still_attacked(tmp_path: Path):
    torch.manual_seed(0)
    odd = nn.Sequential(nn.Flatten(), nn.Linear(784, 10), Sinc())
    summary = EVALUATOR.evaluate(odd, digits(100), THREAT, tmp_path)
    for one in (summary, *summary["curve"]):
        assert one["certified"] is None
        assert one["not_applicable"]["certified"].startswith("not applicable: ")
        assert "sinc" in one["not_applicable"]["certified"]
    assert "sinc" in summary["verifiers"][0]["not_applicable"]
    assert summary["attacked"]["count"] < summary["clean"]["count"]


def test_logits_that_are_not_finite_are_no_answer(tmp_path: Path):
    class Overflowing(nn.Linear):
        def forward(self, x):
            return super().forward(x.flatten(1)) / (x.flatten(1).sum(1, keepdim=True) > 90).to(x)

    data = digits(50)
    summary = replace(EVALUATOR, curve=None).evaluate(Overflowing(784, 10), data, THREAT, tmp_path)
    silent, records = data.inputs.flatten(1).double().sum(1) / 255 <= 90, read_records(tmp_path / "records")
    assert 5 < silent.sum() < 45
    assert torch.equal(torch.tensor(records["prediction"].to_list()) == -1, silent)
    assert summary["clean"]["count"] <= (~silent).sum()


def test_weights_that_are_not_finite_are_refused(tmp_path: Path):
    broken = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    with torch.no_grad():
        broken[1].weight[0, 0] = torch.nan
    with pytest.raises(InputError, match=r"1\.weight .*1 of 7840 values"):
        EVALUATOR.evaluate(broken, digits(50), THREAT, tmp_path)


def test_labels_must_fit_the_network(network: nn.Module, tmp_path: Path):
    small = nn.Sequential(nn.Flatten(), nn.Linear(784, 5))
    with pytest.raises(InputError, match=r"0\.\.4"):
        EVALUATOR.evaluate(small, digits(100), THREAT, tmp_path)
