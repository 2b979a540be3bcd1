"""Evaluations under threats that differ by example, in shards, of the first examples, and all that comes with them."""

import json
from pathlib import Path

import polars as pl
import pytest
import torch
from torch import nn

from hauberk.attacks import PGD
from hauberk.bounds import BackwardLinear, Interval
from hauberk.capture import capture
from hauberk.concepts.dataset import Split
from hauberk.concepts.noise import Noise
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import ShapeError
from hauberk.evaluation import Adversary, Curve, Evaluator
from hauberk.evaluation.cascade_scores import evaluate_cascade
from hauberk.evaluation.records import read_records
from hauberk.evaluation.uncertified import uncertified
from hauberk.losses import Margin
from hauberk.studies import CertifiedRadii, NeuronStability, PerturbationHistogram
from hauberk.threats import GivenBox, LinfBall, MaskedLinfBall, Union
from hauberk.verification import ByBound, detect

N = 9
X = torch.rand(N, 4, generator=torch.Generator().manual_seed(0)) * 0.6 + 0.2
RADII = torch.linspace(0.01, 0.2, N)[torch.tensor([3, 7, 0, 5, 8, 1, 6, 2, 4])]
MASKS = torch.rand(N, 4, generator=torch.Generator().manual_seed(1)) > 0.4
ATTACK = PGD(Margin(), 4, 0.5)
CROWN = ByBound(BackwardLinear(), "CROWN")
THREATS = {
    "radii": LinfBall(RADII),
    "boxes": GivenBox(X - RADII[:, None], X + RADII[:, None]),
    "masks in a union": Union([MaskedLinfBall(0.1, MASKS), LinfBall(RADII / 2)]),
}


def network():
    torch.manual_seed(0)
    made = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)).eval()
    with torch.no_grad():
        made[2].bias -= made(X).mean(0)  # so that radii are as large as distances to the boundary
    return made


def data():
    with torch.no_grad():
        return Split(X, network()(X).argmax(1))


def records(folder: Path, threat, examples=None, **options):
    evaluator = Evaluator({"PGD": ATTACK}, [CROWN], examples=examples, **options)
    evaluator.evaluate(network(), data(), threat, folder)
    return read_records(folder / "records").drop("seconds")


@pytest.mark.parametrize("threat", THREATS.values(), ids=THREATS)
def test_shards_and_first_examples_face_their_own_sets(threat, tmp_path: Path):
    """An example's record is that of an evaluation of it alone, since margins, proofs and noise are its own."""
    found = records(tmp_path / "shards", threat, 7, shard=2)
    assert found["broken_by"].is_null().any()
    assert found["broken_by"].is_not_null().any()
    exact = pl.selectors.exclude("lower", "margin", "distance", "distance: PGD")
    assert found.select(exact).equals(records(tmp_path / "all", threat).head(7).select(exact))
    expected = [float(S) for S in torch.as_tensor(threat.eps, dtype=torch.float64).expand(N)[:7]]
    assert found["eps"].to_list() == pytest.approx(expected)
    start = 4
    alone = threat.select(slice(start, start + 1), X.shape).at(X[start : start + 1])
    z = ATTACK(network(), alone, data().labels[start : start + 1], noise=noise_of(start))
    broken = bool(network()(z).argmax(1) != data().labels[start])
    assert (found["broken_by"][start] == "PGD") == broken


def noise_of(index):
    return Noise.of(0, torch.tensor([index]))


def test_curves_studies_probes_and_pictures_face_their_own_sets(tmp_path: Path):
    studies = {
        "radii": CertifiedRadii(CROWN.bounder, 5),
        "neurons": NeuronStability(Interval(), 4),
        "changes": PerturbationHistogram(PGD(Margin(), 2, 0.5, stop_when_broken=False), 3, 5),
    }
    adversary = Adversary(MaskedLinfBall(0.1, MASKS), {"PGD": ATTACK})
    curve = Curve([0.5, 2], {"PGD": ATTACK}, [CROWN], 6)
    options = {"curve": curve, "studies": studies, "unforeseen": {"masks": adversary}}
    records(tmp_path, LinfBall(RADII), 8, shard=3, **options)
    for factor in (0.5, 2):
        point = read_records(tmp_path / "curve" / f"{factor:g}")
        assert point["eps"].to_list() == pytest.approx((RADII[:6].double() * factor).tolist())
    table = pl.read_parquet(tmp_path / "studies" / "radii.parquet")
    graph = capture(network(), X[:2])
    subject, study = NetworkSubject(graph.module, graph), CertifiedRadii(CROWN.bounder, 1)
    alone = [study(subject, data().select(slice(i, i + 1)), LinfBall(float(RADII[i]))) for i in range(5)]
    expected = [found.table["radius"].item() for found in alone]
    assert max(expected) > 0
    assert table["radius"].to_list() == pytest.approx(expected, rel=1e-3)
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert summary["masking"] is not None
    assert summary["unforeseen"]["adversaries"][0]["examples"] == 8


def test_cascades_face_their_own_sets(tmp_path: Path):
    graph, threat, index = capture(network(), X[:2]), LinfBall(RADII), torch.arange(N)
    left = uncertified(graph, threat, CROWN, data(), index, tmp_path / "left", 2, lambda done, total: None)
    evaluate_cascade([graph], threat, CROWN, data(), tmp_path / "scores", 4)
    stages = read_records(tmp_path / "scores" / "records")["stage"]
    proven = [i for i in range(N) if alone_proven(graph, threat, i)]
    assert [i for i in range(N) if i not in left.tolist()] == proven
    assert [i for i, stage in enumerate(stages) if stage is not None] == proven
    assert 0 < len(proven) < N


def alone_proven(graph, threat, i):
    S = LinfBall(float(threat.eps[i])).at(X[i : i + 1])
    return bool(detect(graph, S, CROWN).certificate.verified)


@pytest.mark.parametrize("examples", [None, 3])
def test_a_threat_to_another_number_of_examples_is_refused_before_the_folder_is_claimed(examples, tmp_path: Path):
    for wrong in (LinfBall(RADII[:3]), Union([LinfBall(0.1), MaskedLinfBall(0.1, MASKS[:3])])):
        with pytest.raises(ShapeError, match="3 rows for 9 examples"):
            records(tmp_path / "run", wrong, examples)
    assert not (tmp_path / "run").exists()
