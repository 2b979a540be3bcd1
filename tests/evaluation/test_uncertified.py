from pathlib import Path

import pytest
import torch
from torch import nn

from hauberk.bounds import BackwardLinear, Interval
from hauberk.capture import capture
from hauberk.concepts.dataset import Split
from hauberk.errors import InputError
from hauberk.evaluation.records import read_records
from hauberk.evaluation.uncertified import uncertified
from hauberk.threats import LinfBall
from hauberk.verification import ByBound, flags
from laws.networks import randomize

THREAT, VERIFIER = LinfBall(0.05), ByBound(BackwardLinear(Interval()))
X = torch.linspace(0, 1, 101, dtype=torch.float64)[:, None]
DATA = Split(X, torch.zeros(101, dtype=torch.long))


def test_of_some_examples_those_are_left_that_are_not_certified_whatever_their_labels(tmp_path: Path):
    network = nn.Sequential(nn.Linear(1, 6), nn.ReLU(), nn.Linear(6, 3)).double()
    randomize(network, torch.Generator().manual_seed(3), 4.0)
    with torch.no_grad():
        network[2].bias -= network(X).mean(0)
    stage, index, seen = capture(network, X[:2]), torch.arange(5, 101, 2), []

    def left(folder: Path) -> torch.Tensor:
        return uncertified(
            stage, THREAT, VERIFIER, DATA, index, folder, 20, lambda done, total: seen.append((done, total))
        )

    expected = index[flags(stage, THREAT, VERIFIER, DATA.select(index))]
    assert 0 < len(expected) < len(index)
    assert torch.equal(left(tmp_path), expected)
    assert seen == [(20, 48), (40, 48), (48, 48)]
    records = read_records(tmp_path / "records")
    assert records["index"].to_list() == index.tolist()
    assert records["prediction"].to_list() == network(X[index]).argmax(1).tolist()
    (tmp_path / "records" / "000000020.parquet").unlink()
    assert torch.equal(left(tmp_path), expected)
    with torch.no_grad():
        network[2].bias += 1
    with pytest.raises(InputError, match=r"another experiment, network\.weights\.2\.bias: "):
        left(tmp_path)


def test_records_of_other_examples_or_bounds_are_refused_by_name(tmp_path: Path):
    stage, index = capture(nn.Linear(1, 2).double(), X[:2]), torch.arange(9)

    def left(index=index, data=DATA, threat=THREAT, verifier=VERIFIER, size=4) -> torch.Tensor:
        return uncertified(stage, threat, verifier, data, index, tmp_path, size, lambda done, total: None)

    left()
    labels = DATA.labels.clone()
    labels[100] = 1
    for changes, message in (
        ({"index": index + 1}, "index: "),
        ({"data": Split(X, labels)}, "labels: "),
        ({"data": Split(X.nextafter(X + 1), DATA.labels)}, "inputs: "),
        ({"threat": LinfBall(0.06)}, r"threat\.eps: 0\.05 there, 0\.06 here"),
        ({"verifier": ByBound(Interval())}, r"verifier\.bounder: BackwardLinear there, Interval here"),
        ({"size": 5}, "shard: 4 there, 5 here"),
    ):
        with pytest.raises(InputError, match=f"another experiment, {message}"):
            left(**changes)
    left()
