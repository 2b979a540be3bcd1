"""The neurons' states as the last bounder sees them, whichever it is."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from hauberk.bounds import Interval
from hauberk.capture import capture
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.dataset import Split
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.subject import NetworkSubject
from hauberk.evaluation.illustrations import write_layers
from hauberk.threats import L2Ball, LinfBall, Union
from hauberk.verification import ByBound
from laws.instances import instances, label

X = torch.tensor([[0.5, 0.5], [0.9, 0.5]])


def states(folder: Path, bounder: Bounder, threat: ThreatModel, **settings: bool) -> list[dict]:
    """The states of x - 0.7 and 0.3 - x, x the first value, which is 0.5 and 0.9."""
    network = nn.Sequential(nn.Linear(2, 2), nn.ReLU(), nn.Linear(2, 2))
    network[0].weight.data, network[0].bias.data = torch.tensor([[1.0, 0], [-1, 0]]), torch.tensor([-0.7, 0.3])
    subject = NetworkSubject(network, capture(network, X))
    last = ByBound(bounder, "last", **settings)
    write_layers(folder, subject, Split(X, torch.tensor([0, 1])), threat, [ByBound(Interval(), "first"), last], size=1)
    return json.loads((folder / "layers.json").read_text())


@pytest.mark.parametrize("bounder", [one for one in instances(Bounder) if one.certifies], ids=label)
@pytest.mark.parametrize("threat", [LinfBall(0.1), L2Ball(0.1)], ids=label)
def test_any_bounder_may_be_the_last(bounder: Bounder, threat: ThreatModel, tmp_path: Path):
    ((found),) = [state for state in states(tmp_path, bounder, threat) if state["neurons"] == 2]
    assert (found["active"], found["inactive"], found["unstable"]) == (0.25, 0.75, 0)
    wide = [state for state in states(tmp_path, bounder, threat.scaled(3.0)) if state["neurons"] == 2]
    assert (wide[0]["active"], wide[0]["inactive"], wide[0]["unstable"]) == (0, 0.25, 0.75)


def test_double_precision_and_unions(tmp_path: Path):
    assert states(tmp_path, Interval(), Union([LinfBall(0.1), L2Ball(0.1)]), float64=True)[0]["active"] == 0.25


class Watched(Interval):
    """Notes how many examples it is asked about at once."""

    def boxes(self, graph, S, *, outward=True, noise=None):
        SIZES.append(len(S.start))
        return super().boxes(graph, S, outward=outward, noise=noise)


SIZES: list[int] = []


def test_no_more_are_bounded_at_once_than_asked(tmp_path: Path):
    SIZES.clear()
    states(tmp_path, Watched(), LinfBall(0.1))
    assert SIZES == [1, 1]


def test_a_linear_network_has_no_states(tmp_path: Path):
    network = nn.Linear(2, 2)
    data = Split(X, torch.tensor([0, 1]))
    write_layers(tmp_path, NetworkSubject(network, capture(network, X)), data, LinfBall(0.1), [ByBound(Interval())], 1)
    assert json.loads((tmp_path / "layers.json").read_text()) == []
