"""Certified radii against those known in closed form."""

from dataclasses import dataclass

import pytest
import torch
from torch import nn

from hauberk.bounds import BackwardLinear
from hauberk.capture import capture
from hauberk.concepts.certificate import Certificate, Verifier
from hauberk.concepts.dataset import Split
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError
from hauberk.studies import CertifiedRadii
from hauberk.threats import LinfBall
from hauberk.verification import ByBound

X = torch.linspace(0.03, 0.97, 12)[:, None].double()
LABELS = torch.arange(12) % 2


@pytest.fixture(scope="module")
def subject():
    """Two logits whose margin is 2 x - 1: the radius of x is its distance from one half."""
    network = nn.Linear(1, 2).double()
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[-1.0], [1.0]]))
        network.bias.copy_(torch.tensor([0.5, -0.5]))
    return NetworkSubject(network, capture(network, X))


def test_each_radius_is_the_largest_tried_below_the_distance_from_the_boundary(subject):
    factors = [3.0, 0.5, 1.0, 2.0, 4.0]
    study = CertifiedRadii(ByBound(BackwardLinear(), "CROWN"), factors)
    findings = study(subject, Split(X, LABELS), LinfBall(0.1, within=None))
    distances = (X[:, 0] - 0.5).abs().tolist()
    expected = [max([0.0, *(0.1 * factor for factor in factors if 0.1 * factor < d)]) for d in distances]
    assert findings.table["radius"].to_list() == pytest.approx(expected, abs=1e-12)
    assert len(set(expected)) == 5
    assert findings.table["prediction"].to_list() == [0] * 6 + [1] * 6
    assert findings.table["label"].to_list() == LABELS.tolist()
    assert findings.facts["radii"] == "5"


def test_only_the_first_examples_are_asked(subject):
    study = CertifiedRadii(ByBound(BackwardLinear()), [1.0], examples=3)
    assert len(study(subject, Split(X, LABELS), LinfBall(0.1, within=None)).table) == 3


@dataclass(frozen=True)
class Moody(Verifier):
    """Proves nothing of radii between 0.15 and 0.25, as a bound that is not monotone may."""

    name: str = "moody"

    def __call__(self, subject, S, spec) -> Certificate:
        lower = torch.where((S.radius < 0.15) | ((S.radius > 0.25) & (S.radius < 0.35)), 1.0, -1.0)
        return Certificate.from_lower(lower[:, None].double(), subject.kind, "none")


def test_a_larger_radius_counts_although_a_smaller_one_is_not_proven(subject):
    study = CertifiedRadii(Moody(), [1.0, 2.0, 3.0, 4.0])
    findings = study(subject, Split(X, LABELS), LinfBall(0.1, within=None))
    assert findings.table["radius"].to_list() == pytest.approx([0.3] * 12)


def test_logits_that_are_not_finite_have_no_radius(subject):
    network = nn.Linear(1, 2).double()
    with torch.no_grad():
        network.weight.fill_(torch.nan)
    study = CertifiedRadii(Moody(), [1.0])
    findings = study(NetworkSubject(network, subject.captured), Split(X, LABELS), LinfBall(0.1, within=None))
    assert findings.table["radius"].to_list() == [0.0] * 12


@pytest.mark.parametrize("radii", [[], [0.0, 1.0], [float("nan")]])
def test_refuses_radii_that_are_not_positive(radii):
    with pytest.raises(InputError, match="positive radii"):
        CertifiedRadii(Moody(), radii)
