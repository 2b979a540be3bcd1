"""Distances of misleading points against the distance of a line."""

import pytest
import torch
from torch import nn

from hauberk.attacks import DDN, PGD, Unperturbed
from hauberk.concepts.attack import Attack
from hauberk.concepts.dataset import Split
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError, UnsupportedOpError, UnsupportedSetError
from hauberk.losses import CrossEntropy
from hauberk.sampling.smoothed_network import SmoothedNetwork, Smoothing
from hauberk.smoothing import Gaussian
from hauberk.studies import AdversarialDistances
from hauberk.threats import L2Ball, LinfBall, Union

REACH = L2Ball(1.0, within=None)
ATTACKS = {
    "PGD": PGD(CrossEntropy(), steps=20, step=0.05, start=Unperturbed()),
    "DDN": DDN(steps=60, levels=None),
}
X = torch.tensor([[0.5, 0.5], [0.3, 0.3], [-0.2, -0.2], [3.0, 3.0]])
DISTANCES = [0.5 * 2**0.5, 0.3 * 2**0.5, 0, 1]
"""From the line x + y = 0; the third point is on the wrong side, the last too far."""


class Elsewhere(Attack):
    """Answers with a point at a distance of 0.4, whatever was asked."""

    def __call__(self, network, S, y, *, noise, target=None):
        move = torch.zeros_like(S.start)
        move[:, 0] = 0.4
        return S.start - move


DATA = Split(X, torch.zeros(4, dtype=torch.long))


@pytest.fixture
def network() -> nn.Module:
    module = nn.Linear(2, 2, bias=False)
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[1.0, 1.0], [-1.0, -1.0]]))
    return module


def test_distances_follow_the_stated_conventions(network):
    subject = NetworkSubject(network, UnsupportedOpError("not captured"))
    findings = AdversarialDistances(REACH, ATTACKS)(subject, DATA, L2Ball(0.1))
    for name, slack in (("PGD", 0.051), ("DDN", 0.02)):
        table = findings.table.filter(attack=name)
        assert table["index"].to_list() == [0, 1, 2, 3]
        for found, true in zip(table["distance"], DISTANCES, strict=True):
            assert true <= found + 1e-6 <= true + slack
        assert table["misled"].to_list() == [True, True, True, False]
    assert findings.facts == {"reach": "l2 eps 1", "subject": "network", "norm": "l2"}


def test_what_is_wrong_from_the_start_has_distance_zero_whatever_the_attack_finds(network):
    subject = NetworkSubject(network, UnsupportedOpError("not captured"))
    table = AdversarialDistances(REACH, {"elsewhere": Elsewhere()})(subject, DATA, L2Ball(0.1)).table
    assert table["distance"].to_list() == [1, 1, 0, 1]
    assert table["misled"].to_list() == [False, False, True, False]


def test_a_smoothed_network_is_attacked_as_its_average(network):
    smooth = SmoothedNetwork(network, Smoothing(Gaussian(0.1), attacked=16))
    table = AdversarialDistances(REACH, ATTACKS, examples=2)(smooth, DATA, L2Ball(0.1)).table
    assert table.filter(attack="DDN")["distance"].to_list() == pytest.approx(DISTANCES[:2], abs=0.1)


def test_batches_change_nothing_and_examples_are_counted(network):
    subject = NetworkSubject(network, UnsupportedOpError("not captured"))
    tables = [AdversarialDistances(REACH, ATTACKS, batch=b)(subject, DATA, L2Ball(0.1)).table for b in (4, 3)]
    assert tables[0].sort("attack", "index").equals(tables[1].sort("attack", "index"))
    assert len(AdversarialDistances(REACH, ATTACKS, examples=2)(subject, DATA, L2Ball(0.1)).table) == 4


def test_bad_arguments_are_refused(network):
    for wrong in ({"attacks": {}}, {"examples": 0}, {"batch": 0}):
        with pytest.raises(InputError, match=r"AdversarialDistances needs (attacks|examples|batch)"):
            AdversarialDistances(**({"reach": REACH, "attacks": ATTACKS} | wrong))
    subject, data = NetworkSubject(network, UnsupportedOpError("not captured")), DATA.select(slice(0, 2))
    with pytest.raises(UnsupportedSetError, match="ball in some distance"):
        AdversarialDistances(Union([L2Ball(1), LinfBall(1)]), ATTACKS)(subject, data, L2Ball(0.1))


def test_a_network_in_training_mode_is_attacked_in_eval_mode(network):
    module = nn.Sequential(nn.BatchNorm1d(2), network, nn.Dropout(0.5)).train()
    before = {name: buffer.clone() for name, buffer in module.named_buffers()}
    subject = NetworkSubject(module, UnsupportedOpError("not captured"))
    tables = [AdversarialDistances(REACH, ATTACKS)(subject, DATA, L2Ball(0.1)).table for _ in range(2)]
    assert tables[0].equals(tables[1])
    assert module.training
    assert all(torch.equal(buffer, before[name]) for name, buffer in module.named_buffers())
