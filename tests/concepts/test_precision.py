"""The same set, specification and network in another precision."""

from dataclasses import dataclass

import pytest
import torch

from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet, PerturbationSet, ThreatModel
from hauberk.concepts.specification import LinearSpec
from hauberk.threats import LinfBall
from laws.instances import instances, label
from laws.networks import BUILDERS, CLASSES, images, labels, network

WIDE = torch.float64


@pytest.mark.parametrize("threat", instances(ThreatModel), ids=label)
def test_a_wider_precision_changes_no_number_of_a_set(threat):
    S = threat.at(images(3, 0, torch.float32))
    T = S.to(WIDE)
    assert type(T) is type(S)
    assert T.start.dtype == T.radius.dtype == WIDE
    assert torch.equal(T.start, S.start.double())
    assert torch.equal(T.radius, S.radius.double())
    noise = Noise.of(0, torch.arange(3))
    assert T.sample(noise).dtype == WIDE
    assert T.contains(S.sample(noise).double(), 1e-6).all()
    if isinstance(S, CertifiableSet):
        for end in ("lower", "upper"):
            a, b = (getattr(one.bounding_box(), end) for one in (S, T))
            torch.testing.assert_close(a.double(), b, rtol=0, atol=1e-6)


def test_sets_made_of_sets_are_converted_all_the_way_down():
    @dataclass(frozen=True)
    class Pair(PerturbationSet):
        members: tuple[PerturbationSet, ...]
        count: int
        select = project = steepest_step = sample = contains = PerturbationSet.decode

    S = LinfBall(0.1).at(images(2, 1, torch.float32))
    pair = Pair((S, S), 2).to(WIDE)
    assert pair.count == 2
    assert [member.box.lower.dtype for member in pair.members] == [WIDE, WIDE]
    torch.testing.assert_close(pair.members[1].box.upper, S.box.upper.double(), rtol=0, atol=1e-7)


def test_a_wider_precision_changes_no_number_of_a_specification():
    spec = LinearSpec.margins(labels(3, 2), CLASSES)
    wide = spec.to(WIDE)
    assert torch.equal(wide.rows, spec.rows.double())
    assert torch.equal(wide.offset, spec.offset.double())


@pytest.mark.parametrize("name", BUILDERS)
def test_a_network_frozen_in_another_precision_has_the_same_parameters(name):
    graph = network(name, 3, dtype=torch.float32)
    double = network(name, 4)
    double.module.load_state_dict(graph.module.state_dict())
    x = images(3, 3)
    torch.testing.assert_close(graph.frozen(WIDE)(x), double.module(x), rtol=0, atol=1e-7)
    torch.testing.assert_close(graph.frozen(WIDE)(x), double.frozen()(x), rtol=0, atol=1e-7)
    assert graph.frozen()(x.float()).dtype == torch.float32
