"""The folder of an evaluation is completed by that evaluation alone: one that differs anywhere is refused by name."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from hauberk.attacks import FGSM, PGD, Transfer
from hauberk.bounds import Interval
from hauberk.concepts.attack import Attack
from hauberk.concepts.dataset import Split
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.errors import InputError
from hauberk.evaluation import Curve, Evaluator
from hauberk.evaluation.records import read_records
from hauberk.evaluation.summary import Summary
from hauberk.losses import CrossEntropy, Margin
from hauberk.studies import FirstLayerFilters
from hauberk.threats import GivenBox, LinfBall
from hauberk.verification import ByBound

PIXELS = 1200
SHA = r"sha256:\w{8}… float32"


def network(bias: float = 0.0) -> nn.Module:
    """Return a network that is sure of the first class as long as pixels hardly move."""
    made = nn.Sequential(nn.Linear(PIXELS, 3), nn.Dropout(0.1))
    with torch.no_grad():
        made[0].weight.copy_(torch.tensor([[0.0], [0.05], [-0.05]]).expand(3, PIXELS))
        made[0].bias.copy_(torch.tensor([33.0, 0.0, bias]))
    return made


def box(half: float) -> GivenBox:
    """Return a box in which all pixels move but those at both ends, the only ones that are printed."""
    width = torch.full((1, PIXELS), half)
    width[:, :3] = width[:, -3:] = 0
    return GivenBox(0.5 - width, 0.5 + width)


@dataclass(frozen=True)
class Experiment:
    """All that an evaluation is made of."""

    network: nn.Module
    inputs: Tensor
    labels: Tensor
    threat: ThreatModel
    evaluator: Evaluator

    def run(self, folder: Path) -> Summary:
        return self.evaluator.evaluate(self.network, Split(self.inputs, self.labels), self.threat, folder)


def evaluator(surrogate: nn.Module, steps: int = 2, rate: float = 0.5, filters: int = 1, **changes: Any) -> Evaluator:
    attacks = {"FGSM": FGSM(Margin()), "transfer": Transfer(PGD(CrossEntropy(), steps, 0.5), surrogate)}
    verifiers = [ByBound(Interval(), "interval", **changes)]
    curve = Curve([rate, 2], {"PGD": PGD(Margin(), 1)}, verifiers, 2)
    return Evaluator(attacks, verifiers, curve, {"filters": FirstLayerFilters(filters)}, shard=2, illustrated=1)


def experiment(**changes: Any) -> Experiment:
    """Return the experiment, made anew, with some of its parts changed."""
    parts = {"network": network(), "inputs": torch.full((4, PIXELS), 0.5), "labels": torch.tensor([0, 0, 0, 1])}
    return Experiment(**{**parts, "threat": box(0.001), "evaluator": evaluator(network()), **changes})


def changed(tensor: Tensor, value: float, *place: int) -> Tensor:
    tensor[place] = value
    return tensor


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("evaluated")
    experiment().run(place)
    return place


def state(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_two_boxes_of_many_pixels_are_two_experiments(tmp_path: Path):
    small, large = experiment(), experiment(threat=box(0.5))
    assert repr(small.threat) == repr(large.threat)
    assert small.run(tmp_path / "small")["certified"]["count"] == 3
    with pytest.raises(InputError, match=rf"another experiment, threat\.lower: {SHA} \(1, 1200\) there, {SHA}.* here"):
        large.run(tmp_path / "small")
    assert large.run(tmp_path / "large")["certified"]["count"] == 0


def test_the_same_experiment_made_anew_is_completed(folder: Path, tmp_path: Path):
    experiment().run(tmp_path)
    whole = state(tmp_path)
    (tmp_path / "records" / "000000002.parquet").unlink()
    (tmp_path / "curve" / "0.5" / "000000000.parquet").unlink()
    (tmp_path / "studies" / "filters.parquet").unlink()
    experiment(evaluator=evaluator(network().eval())).run(tmp_path)
    for part in ("records", "curve/0.5", "curve/2"):
        again, before = (read_records(place / part).drop("seconds") for place in (tmp_path, folder))
        assert again.equals(before)
    kept = Path("records/000000000.parquet"), Path("plan.json")
    assert all((tmp_path / name).read_bytes() == whole[tmp_path / name] for name in kept)


OTHERS: dict[str, tuple[Callable[[], Experiment], str]] = {
    "a label": (lambda: experiment(labels=torch.tensor([0, 0, 0, 2])), r"labels: sha256:\w{8}… int64 \(4,\) there"),
    "the examples' number": (
        lambda: experiment(inputs=torch.full((3, PIXELS), 0.5), labels=torch.tensor([0, 0, 0])),
        r"inputs: .* \(4, 1200\) there, .* \(3, 1200\) here; labels: ",
    ),
    "an input's last bit": (
        lambda: experiment(inputs=changed(torch.full((4, PIXELS), 0.5), 0.5 + 2**-23, 3, 700)),
        rf"inputs: {SHA} \(4, 1200\) there",
    ),
    "a weight": (lambda: experiment(network=network(1e-9)), rf"network\.weights\.0\.bias: {SHA} \(3,\) there"),
    "dropout": (
        lambda: experiment(network=nn.Sequential(network()[0], nn.Dropout(0.2))),
        r"network\.structure\.1\.p: 0\.1 there, 0\.2 here",
    ),
    "the threat's class": (lambda: experiment(threat=LinfBall(0.001)), "threat: GivenBox there, LinfBall here"),
    "a pixel of the threat": (
        lambda: experiment(threat=replace(box(0.001), upper=changed(box(0.001).upper, 0.6, 0, 1100))),
        rf"threat\.upper: {SHA} \(1, 1200\) there",
    ),
    "a surrogate's weight": (
        lambda: experiment(evaluator=evaluator(network(1.0))),
        rf"evaluator\.attacks\.transfer\.surrogate\.weights\.0\.bias: {SHA} \(3,\) there",
    ),
    "an attack's argument": (
        lambda: experiment(evaluator=evaluator(network(), steps=3)),
        r"evaluator\.attacks\.transfer\.attack\.steps: 2 there, 3 here",
    ),
    "the attacks' order": (
        lambda: experiment(
            evaluator=replace(evaluator(network()), attacks=dict(reversed(list(evaluator(network()).attacks.items()))))
        ),
        r"evaluator\.attacks: another order",
    ),
    "a verifier's argument": (
        lambda: experiment(evaluator=evaluator(network(), float64=True)),
        r"evaluator\.curve\.verifiers\.0\.float64: False there, True here; evaluator\.verifiers\.0\.float64",
    ),
    "a radius of the curve": (
        lambda: experiment(evaluator=evaluator(network(), rate=0.6)),
        r"evaluator\.curve\.radii\.0: 0\.5 there, 0\.6 here",
    ),
    "a study's argument": (
        lambda: experiment(evaluator=evaluator(network(), filters=2)),
        r"evaluator\.studies\.filters\.count: 1 there, 2 here",
    ),
    "the seed": (
        lambda: experiment(evaluator=replace(evaluator(network()), seed=1)),
        r"evaluator\.seed: 0 there, 1 here",
    ),
}


@pytest.mark.parametrize("what", OTHERS)
def test_another_experiment_is_refused_by_what_differs(what: str, folder: Path):
    other, message = OTHERS[what]
    before = state(folder)
    with pytest.raises(InputError, match=rf"{folder} cannot be completed: it is of another experiment, {message}"):
        other().run(folder)
    assert state(folder) == before


class Mine(Attack):
    """An attack with a function and an array of its own, and no dataclass."""

    def __init__(self, function: Callable, offsets: Any) -> None:
        self.function, self.offsets = function, offsets

    def __call__(self, network, S, y, *, noise):
        return S.project(self.function(S.start) + torch.as_tensor(self.offsets))


def mine(factor: float, offset: float) -> Experiment:
    offsets = torch.full((PIXELS,), offset).numpy()
    return experiment(evaluator=Evaluator({"mine": Mine(lambda x: x * factor, offsets)}, []))


def test_attacks_of_ones_own_are_told_apart_by_their_functions_and_arrays(tmp_path: Path):
    mine(1.0, 0.0).run(tmp_path)
    mine(1.0, 0.0).run(tmp_path)
    with pytest.raises(
        InputError, match=r"evaluator\.attacks\.mine\.function\.captured\.factor: 1\.0 there, 1\.5 here"
    ):
        mine(1.5, 0.0).run(tmp_path)
    with pytest.raises(InputError, match=rf"evaluator\.attacks\.mine\.offsets: {SHA} \(1200,\) there"):
        mine(1.0, 1e-6).run(tmp_path)
    with pytest.raises(InputError, match=r"evaluator\.attacks\.mine\.function cannot be identified.* generator"):
        experiment(evaluator=Evaluator({"mine": Mine((n for n in ()), 0)}, [])).run(tmp_path)


def test_what_an_earlier_release_evaluated_is_refused_by_name_but_still_read(folder: Path, tmp_path: Path):
    place = tmp_path / "evaluation"
    experiment().run(place)
    (place / "plan.json").write_text(json.dumps({"weights": "ab" * 32, "threat": "GivenBox(...)", "examples": 4}))
    with pytest.raises(InputError, match=rf"{place} cannot be completed: it was written by an earlier release of Hau"):
        experiment().run(place)
    assert len(read_records(place / "records")) == 4
    assert json.loads((place / "summary.json").read_text())["examples"] == 4


def test_radii_that_look_alike_have_shards_of_their_own(tmp_path: Path):
    radii = [0.1234567, 0.12345674, 2, 0.5]
    plan = Evaluator({}, [], Curve(radii, {"FGSM": FGSM(Margin())}, [], 2), shard=2)
    summary = experiment(evaluator=plan).run(tmp_path)
    assert len(summary["curve"]) == 4
    assert {path.name for path in (tmp_path / "curve").iterdir()} == {"0.1234567", "0.12345674", "0.5", "2"}
