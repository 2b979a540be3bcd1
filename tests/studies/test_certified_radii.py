"""Certified radii against those known in closed form."""

import pytest
import torch
from torch import nn

from hauberk.bounds import BackwardLinear, Interval
from hauberk.capture import capture
from hauberk.concepts.dataset import Split
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError
from hauberk.studies import CertifiedRadii
from hauberk.threats import LinfBall

X = torch.linspace(0.03, 0.97, 12)[:, None].double()
LABELS = torch.arange(12) % 2
THREAT = LinfBall(0.1, within=None)


def linear():
    """Two logits whose margin is 2 x - 1: the radius of x is its distance from one half."""
    network = nn.Linear(1, 2).double()
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[-1.0], [1.0]]))
        network.bias.copy_(torch.tensor([0.5, -0.5]))
    return NetworkSubject(network, capture(network, X))


@pytest.mark.parametrize("bounder", [Interval(), BackwardLinear()])
def test_radii_are_the_distances_from_the_boundary(bounder):
    study = CertifiedRadii(bounder, tolerance=1e-6)
    findings = study(linear(), Split(X, LABELS), THREAT)
    distances = (X[:, 0] - 0.5).abs()
    radii = torch.tensor(findings.table["radius"].to_list(), dtype=torch.float64)
    torch.testing.assert_close(radii, distances, rtol=1e-5, atol=0)
    assert (radii <= distances).all()
    assert findings.table["prediction"].to_list() == [0] * 6 + [1] * 6
    assert findings.table["label"].to_list() == LABELS.tolist()
    assert findings.facts == {"bounder": type(bounder).__name__, "threat": THREAT.name, "cap": "1"}


def test_no_radius_is_larger_than_the_cap():
    findings = CertifiedRadii(Interval(), cap=0.2)(linear(), Split(X, LABELS), THREAT)
    assert findings.table["radius"].max() == pytest.approx(0.2)
    assert (findings.table["radius"] < 0.2).sum() == ((X - 0.5).abs() < 0.2).sum()


def test_only_the_first_examples_are_asked():
    study = CertifiedRadii(Interval(), examples=3)
    assert len(study(linear(), Split(X, LABELS), THREAT).table) == 3


def test_logits_that_are_not_finite_have_no_radius():
    subject = linear()
    with torch.no_grad():
        subject.module.weight.fill_(torch.nan)
    findings = CertifiedRadii(Interval())(subject, Split(X, LABELS), THREAT)
    assert findings.table["radius"].to_list() == [0.0] * 12


def test_refuses_to_ask_no_example():
    with pytest.raises(InputError, match="needs examples to be a positive integer"):
        CertifiedRadii(Interval(), examples=0)
