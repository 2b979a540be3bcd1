"""Counts of stable neurons against direct computation."""

import pytest
import torch
from torch import nn

from hauberk.bounds import Interval
from hauberk.capture import capture
from hauberk.concepts.dataset import Split
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import UnsupportedSetError
from hauberk.studies import NeuronStability
from hauberk.threats import LinfBall, Perceptual

X = torch.rand(30, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
DATA = Split(X, torch.zeros(30, dtype=torch.long))
THREAT = LinfBall(0.2, within=None)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(4, 9), nn.ReLU(), nn.Linear(9, 5), nn.ReLU(), nn.Linear(5, 2)).double()


def test_first_layer_counts_are_those_of_the_exact_ranges(network):
    findings = NeuronStability(Interval(), examples=20)(NetworkSubject(network, capture(network, X)), DATA, THREAT)
    table = findings.table
    assert table["layer"].to_list() == [0] * 20 + [1] * 20
    assert table["name"].to_list() == ["0 (Linear)"] * 20 + ["2 (Linear)"] * 20
    assert (table["inactive"] + table["unstable"] + table["active"]).to_list() == [9] * 20 + [5] * 20
    with torch.no_grad():
        middle, reach = network[0](X[:20]), 0.2 * network[0].weight.abs().sum(1)
    first = table[:20]
    assert first["inactive"].to_list() == (middle + reach <= 0).sum(1).tolist()
    assert first["active"].to_list() == (middle - reach >= 0).sum(1).tolist()
    assert all(first[state].n_unique() > 1 for state in ("inactive", "unstable", "active"))
    assert findings.facts == {"bounder": "Interval", "threat": "linf eps 0.2"}


def test_without_perturbation_nothing_is_unstable(network):
    subject = NetworkSubject(network, capture(network, X))
    assert NeuronStability(Interval())(subject, DATA, LinfBall(0.0, within=None)).table["unstable"].sum() == 0


def test_a_linear_network_has_no_row():
    network = nn.Linear(4, 2).double()
    assert len(NeuronStability(Interval())(NetworkSubject(network, capture(network, X)), DATA, THREAT).table) == 0


def test_sets_without_a_support_function_are_refused(network):
    near = Perceptual(nn.Sequential(nn.Identity(), nn.ReLU()))
    with pytest.raises(UnsupportedSetError, match="PerceptualSet"):
        NeuronStability(Interval())(NetworkSubject(network, capture(network, X)), DATA, near)
