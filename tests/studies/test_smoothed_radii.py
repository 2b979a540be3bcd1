"""Radii of votes, for labels and sets of classes."""

import pytest
import torch
from torch import nn

from hauberk.concepts.dataset import Split
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError, UnsupportedOpError
from hauberk.sampling.smoothed_network import SmoothedNetwork, Smoothing
from hauberk.smoothing import FixedSample, Gaussian
from hauberk.studies import SmoothedRadii
from hauberk.threats import L2Ball

THREAT = L2Ball(0.1, within=None)
X = torch.eye(4)[:, :3][[0, 1, 2]]
"""One point for each of the first three classes."""


@pytest.fixture
def smooth() -> SmoothedNetwork:
    """The class of the largest coordinate; the fourth class never wins."""
    network = nn.Linear(3, 4)
    with torch.no_grad():
        network.weight.copy_(torch.eye(4)[:, :3])
        network.bias.copy_(torch.tensor([0.0, 0.0, 0.0, -9.0]))
    return SmoothedNetwork(network, Smoothing(Gaussian(0.5)))


def test_radii_are_those_of_the_certificate_if_the_classes_hold_the_label(smooth):
    labels, rule = torch.tensor([0, 2, 3]), FixedSample(samples=500)
    findings = SmoothedRadii(rule, [1, 2, 4])(smooth, Split(X, labels), THREAT)
    table = findings.table
    assert table["index"].to_list() == [0, 1, 2] * 3
    assert table["label"].to_list() == [0, 2, 3] * 3
    assert table["top"].to_list() == [1] * 3 + [2] * 3 + [4] * 3
    for k in (1, 2, 4):
        answer = rule.answer(smooth, X, top=k)
        right = (answer.classes == labels[:, None]).any(1)
        assert table.filter(top=k)["radius"].to_list() == (answer.radius * right).tolist()
    assert table.filter(top=4)["radius"].min() > 0.9, "all classes together win every vote"
    assert table.filter(top=1)["radius"].to_list()[1:] == [0, 0]
    assert findings.facts == {
        "noise": "Gaussian noise, sigma 0.5",
        "norm": "l2",
        "confidence": "0.999",
        "verifier": rule.name,
    }


def test_batches_change_nothing_and_the_number_of_examples_is_kept(smooth):
    data, rule = Split(X, torch.arange(3)), FixedSample(samples=200)
    tables = [SmoothedRadii(rule, [1, 2], examples=3, batch=b)(smooth, data, THREAT).table for b in (3, 1)]
    assert tables[0].sort("top", "index").equals(tables[1].sort("top", "index"))
    assert len(SmoothedRadii(rule, [1], examples=2, batch=5)(smooth, data, THREAT).table) == 2


def test_a_network_that_is_not_smoothed_has_none(smooth):
    subject = NetworkSubject(smooth.network, UnsupportedOpError("not captured"))
    with pytest.raises(UnsupportedOpError, match="subject is a network"):
        SmoothedRadii(FixedSample(), [1])(subject, Split(X, torch.arange(3)), THREAT)


def test_bad_arguments_are_refused(smooth, unchecked):
    wrongs = ({"top": []}, {"top": [1, 1]}, {"top": [1, 0]}, {"top": 5}, {"examples": 0}, {"batch": 0})
    for wrong, message in zip(
        wrongs,
        (r"top is \[\]", r"top is \[1, 1\]", r"top\[1\]", "list, but is 5", "examples", "batch"),
        strict=True,
    ):
        with pytest.raises(InputError, match=message):
            SmoothedRadii(**({"certification": FixedSample(), "top": [1]} | wrong))
    with pytest.raises(InputError, match="from 1 to 4"):
        SmoothedRadii(FixedSample(samples=64), [5])(smooth, Split(X, torch.arange(3)), THREAT)
