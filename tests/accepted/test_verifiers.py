"""What verifiers and specifications accept."""

import pytest
import torch
from torch import nn

from hauberk.bounds import Interval
from hauberk.capture import capture
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError, ShapeError, UnsupportedOpError
from hauberk.threats import LinfBall
from hauberk.verification import ByBound

X = torch.rand(3, 4, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 1])
VERIFIER, THREAT = ByBound(Interval()), LinfBall(0.1)
SPEC = LinearSpec.margins(Y, 2)


@pytest.fixture(scope="module")
def subject():
    network = nn.Linear(4, 2)
    return NetworkSubject(network, capture(network, X))


def test_bytes_as_labels_are_labels_and_no_masks():
    assert torch.equal(LinearSpec.margins(Y.to(torch.uint8), 2).rows, SPEC.rows)
    with pytest.raises(ShapeError, match=r"torch\.bool"):
        LinearSpec.margins(Y.bool(), 2)
    with pytest.raises(InputError, match="two classes or more, but there are 1"):
        LinearSpec.margins(0 * Y, 1)


def test_networks_and_threats_in_place_of_subjects_and_sets_are_refused(subject):
    with pytest.raises(InputError, match=r"NetworkSubject.*Linear"):
        VERIFIER(subject.module, THREAT.at(X), SPEC)
    with pytest.raises(InputError, match=r"threat\.at\(x\).*LinfBall"):
        VERIFIER(subject, THREAT, SPEC)


def test_sets_in_another_precision_than_the_network_are_refused(subject):
    with pytest.raises(InputError, match=r"torch\.float64, .*torch\.float32"):
        VERIFIER(subject, THREAT.at(X.double()), SPEC)


def test_bounds_of_networks_in_half_precision_are_refused(subject):
    network = nn.Linear(4, 2).bfloat16()
    half = NetworkSubject(network, subject.captured)
    with pytest.raises(UnsupportedOpError, match=r"torch\.bfloat16"):
        VERIFIER(half, THREAT.at(X.bfloat16()), SPEC)


def test_threats_take_arrays_for_inputs(unchecked):
    assert torch.equal(THREAT.at(X.numpy()).start, X)
    with pytest.raises(ShapeError, match="inputs are one tensor"):
        THREAT.at("text")
