"""The L-bound against the radius of a vote, averages known in closed form, and the truth."""

import math

import pytest
import torch
from torch import nn

from hauberk.concepts.dataset import Split
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError, ShapeError, UnsupportedOpError
from hauberk.sampling.moments import moments
from hauberk.sampling.smoothed_network import SmoothedNetwork, Smoothing
from hauberk.smoothing import Gaussian, Uniform
from hauberk.studies import LBound
from hauberk.studies.l_bound import radius
from hauberk.threats import L2Ball

SIGMA, THREAT = 0.25, L2Ball(0.1, within=None)


def step(slope: float = 1e4) -> nn.Module:
    """Two logits that change places at x = 0."""
    network = nn.Linear(1, 2)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[slope], [-slope]]))
        network.bias.zero_()
    return network


def subject(network: nn.Module) -> NetworkSubject:
    return NetworkSubject(network, UnsupportedOpError("not captured"))


def test_it_is_at_most_the_radius_of_a_vote_of_two_classes():
    share = torch.linspace(0.5, 1 - 1e-12, 100_001, dtype=torch.float64)
    for noise in (Gaussian(SIGMA), Uniform(0.3)):
        assert (radius(noise, 2 * share - 1) <= noise.radius(share)).all()
    gaps = torch.tensor([0.2, 0.8, 0.98, 0.998], dtype=torch.float64)
    assert radius(Gaussian(SIGMA), gaps).tolist() == pytest.approx([0.0627, 0.2507, 0.3071, 0.3127], abs=5e-5)
    assert radius(Gaussian(SIGMA), torch.ones(1).double()).item() == pytest.approx(1.2533 * SIGMA, abs=2e-5)


def test_the_slope_of_a_smoothed_step_is_the_sharp_constant():
    x = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(Gaussian(SIGMA).share(x), x)
    assert slope.item() == pytest.approx(1 / (SIGMA * math.sqrt(2 * math.pi)), abs=1e-4)
    assert radius(Gaussian(SIGMA), torch.tensor([1e-6]).double()).item() == pytest.approx(
        1e-6 / (2 * slope.item()), rel=1e-9
    )


def test_the_guarantee_stays_below_the_distance_to_the_boundary():
    x = torch.linspace(-0.4, 0.4, 41)[:, None]
    labels = (x[:, 0] < 0).long()
    findings = LBound(Gaussian(SIGMA), samples=2000, alpha=1e-6)(subject(step()), Split(x, labels), THREAT)
    guarantee, distance = torch.tensor(findings.table["guarantee"].to_list()), x[:, 0].abs()
    assert (guarantee <= distance).all()
    assert guarantee[distance > 0.2].min() > 0.05
    estimate = torch.tensor(findings.table["estimate"].to_list())
    assert (estimate > distance)[(distance > 0.01) & (distance < 0.3)].all(), "a step is no average over noise"


def test_wrong_labels_count_as_zero_and_sets_of_classes_as_right():
    x = torch.full((2, 1), 0.3)
    data = Split(x, torch.tensor([0, 1]))
    table = LBound(Gaussian(SIGMA))(subject(step()), data, THREAT).table
    for column in ("guarantee", "estimate"):
        right, wrong = table[column]
        assert right > 0
        assert wrong == 0
    three = nn.Sequential(step(), nn.Linear(2, 3))
    with torch.no_grad():
        three[1].weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-9.0, -9.0]]))
        three[1].bias.copy_(torch.tensor([0.0, 0.0, -1e6]))
    both = LBound(Gaussian(SIGMA), top=2, samples=4000)(subject(three), data, THREAT)
    assert both.table["guarantee"].min() > 0.02, "the other side of the step is 1.2 sigma away, the third class nowhere"
    assert both.facts["top"] == "2"


def test_a_smoothed_network_is_asked_for_what_it_smooths():
    x, network = torch.full((1, 1), 0.3), step()
    data = Split(x, torch.tensor([0]))
    study = LBound(Gaussian(SIGMA))
    smooth = SmoothedNetwork(network, Smoothing(Gaussian(SIGMA)))
    found = study(subject(network), data, THREAT).table
    assert study(smooth, data, THREAT).table.equals(found)
    assert LBound()(smooth, data, THREAT).table.equals(found), "its own noise"
    with pytest.raises(UnsupportedOpError, match="a network has no noise of its own"):
        LBound()(subject(network), data, THREAT)


def test_batches_change_nothing_and_modes_come_back():
    network = nn.Sequential(step(10.0), nn.Dropout(0.5)).train()
    data = Split(torch.linspace(-1, 1, 7)[:, None], torch.zeros(7, dtype=torch.long))
    whole, parts = (LBound(Gaussian(SIGMA), samples=64, batch=b)(subject(network), data, THREAT).table for b in (7, 2))
    assert whole["guarantee"].to_list() == pytest.approx(parts["guarantee"].to_list(), abs=1e-6)
    assert network[1].training
    assert len(LBound(Gaussian(SIGMA), examples=3)(subject(network), data, THREAT).table) == 3


@pytest.mark.parametrize("argument", ["top", "samples", "examples", "batch"])
def test_bad_numbers_are_refused(argument: str):
    with pytest.raises(InputError, match=argument):
        LBound(Gaussian(SIGMA), **{argument: 0})
    with pytest.raises(InputError, match="seed to be an integer of 64 bits"):
        LBound(seed=2**63)
    with pytest.raises(InputError, match="alpha"):
        LBound(Gaussian(SIGMA), alpha=1.0)


def test_networks_that_mix_their_batch_have_no_independent_samples():
    mixing = nn.Sequential(nn.BatchNorm1d(1, track_running_stats=False), step())
    with pytest.raises(UnsupportedOpError, match="would not be independent"):
        LBound(Gaussian(SIGMA))(subject(mixing), Split(torch.zeros(2, 1), torch.tensor([0, 1])), THREAT)


def test_too_few_classes_are_refused():
    with pytest.raises(ShapeError, match="2 classes lead no other of 2"):
        LBound(Gaussian(SIGMA), top=2)(subject(step()), Split(torch.zeros(1, 1), torch.tensor([0])), THREAT)


def test_samples_that_are_not_finite_prove_nothing():
    class Log(nn.Module):
        def forward(self, x):
            return torch.cat([x.log(), 1 - x], 1)

    table = LBound(Gaussian(SIGMA))(subject(Log()), Split(torch.full((1, 1), 0.1), torch.tensor([1])), THREAT).table
    assert table["guarantee"].to_list() == [0]


def test_samples_that_pick_the_classes_bound_no_gap(monkeypatch):
    """The gap of the classes that lead by chance would be biased, were it bounded by the same samples."""
    seen = []

    def noted(network, noise, x, streams, samples, *rest):
        seen.append((streams.keys, samples))
        return moments(network, noise, x, streams, samples, *rest)

    monkeypatch.setattr("hauberk.studies.l_bound.moments", noted)
    LBound(Gaussian(SIGMA))(subject(step()), Split(torch.zeros(1, 1), torch.tensor([0])), THREAT)
    (picking, few), (bounding, many) = seen
    assert (few, many) == (100, 1000)
    assert not torch.equal(picking, bounding)


def test_the_estimate_of_a_set_is_the_gap_between_its_last_class_and_the_next():
    three = nn.Linear(1, 3)
    with torch.no_grad():
        three.weight.zero_()
        three.bias.copy_(torch.tensor([0.6, 0.3, 0.1]).log())
    data = Split(torch.zeros(1, 1), torch.tensor([1]))
    table = LBound(Gaussian(SIGMA), top=2)(subject(three), data, THREAT).table
    wanted = radius(Gaussian(SIGMA), torch.tensor([0.2]).double()).item()
    assert table["estimate"].item() == pytest.approx(wanted, rel=1e-5)
