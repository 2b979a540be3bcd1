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
    with pytest.raises(InputError, match="another network"):
        left(tmp_path)
