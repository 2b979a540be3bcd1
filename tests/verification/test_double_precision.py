"""The set that a certificate speaks of, in either precision."""

from fractions import Fraction

import pytest
import torch
from torch import nn

from hauberk.bounds import BackwardLinear, HighProbability, Interval
from hauberk.capture import capture
from hauberk.concepts.specification import LinearSpec
from hauberk.concepts.subject import NetworkSubject
from hauberk.threats import GivenBox, L1Ball, L2Ball, LinfBall, MaskedLinfBall, Union
from hauberk.verification import ByBound

X = torch.tensor([[0.1, 0.7], [0.3, 0.9], [1 / 3, 0.2]])
RANGE = (-0.42421296, 2.8214867)
THREATS = [
    LinfBall("1/7", None),
    LinfBall(0.3, RANGE),
    MaskedLinfBall(1 / 7, torch.tensor([True, False]), None),
    L2Ball(1 / 7, None),
    L1Ball(1 / 7, RANGE),
    Union([LinfBall(1 / 7, None), L2Ball(0.2, None)]),
]


@pytest.mark.parametrize("threat", [LinfBall(5e-6, (0, 255)), MaskedLinfBall(5e-6, torch.tensor([True]), (0, 255))])
def test_a_radius_below_the_spacing_of_numbers_is_no_point(threat):
    S = threat.at(torch.tensor([[200.0]])).to(torch.float64)
    assert S.bounding_box().upper.item() - 200 >= 4.99e-6
    assert 200 - S.bounding_box().lower.item() >= 4.99e-6


def corner(threat, example: int) -> Fraction:
    """Return the largest first pixel within the radius of an input, without any rounding but that of the radius."""
    threats = threat.threats if isinstance(threat, Union) else [threat]
    radius = max(Fraction(torch.tensor(each.eps).item()) for each in threats)
    return Fraction(X[example, 0].item()) + radius


@pytest.mark.parametrize("threat", THREATS, ids=lambda threat: threat.name)
def test_a_set_in_double_precision_holds_every_real_point_of_the_radius(threat):
    wide = threat.at(X).to(torch.float64)
    box = wide.bounding_box()
    support = wide.support_function(torch.tensor([[[1.0, 0.0]]]).double().expand(3, 1, 2))[:, 0]
    for example in range(3):
        reached = corner(threat, example)
        for end in (box.upper[example, 0].item(), support[example].item()):
            assert Fraction(end) >= reached * (1 - Fraction(1, 2**51))  # bounds allow for the roundings of float64
    lower, upper = threat.at(X).bounding_box().lower.double(), threat.at(X).bounding_box().upper.double()
    assert (box.lower <= torch.maximum(lower, box.lower)).all()
    assert (box.lower - lower).abs().max() < 1e-7
    assert (box.upper - upper).abs().max() < 1e-7


@pytest.mark.parametrize("threat", THREATS, ids=lambda threat: threat.name)
@pytest.mark.parametrize("bounder", [Interval(), BackwardLinear(), HighProbability()], ids=["box", "rows", "random"])
def test_double_precision_proves_the_real_set_and_says_so(threat, bounder):
    """The margin is zero at the farthest point of the set, rounded half an ulp too near in float32."""
    module = nn.Linear(2, 2).double()
    with torch.no_grad():
        module.weight.copy_(torch.tensor([[0.0, 0.0], [1.0, 0.0]]))
        module.bias.zero_()
    single = nn.Linear(2, 2)
    single.load_state_dict(module.state_dict())
    if isinstance(bounder, HighProbability) and not (threat.at(X).is_box or isinstance(threat, L2Ball)):
        pytest.skip("no random projections are known for this set")
    subject = NetworkSubject(single, capture(single, X))
    spec = LinearSpec.margins(torch.zeros(3, dtype=torch.long), 2)
    found = ByBound(bounder, float64=True)(subject, threat.at(X), spec)
    assert "whose centre, radius and range are numbers in float32" in found.arithmetic
    for example in range(3):
        assert Fraction(found.lower[example, 0].item()) <= -corner(threat, example)


def test_a_given_box_keeps_its_ends_up_to_one_number():
    box = GivenBox(torch.full((1, 2), 0.1), torch.full((1, 2), 0.95)).at(X)
    wide = box.to(torch.float64).box
    for near, far, towards in ((box.box.lower, wide.lower, -1.0), (box.box.upper, wide.upper, 1.0)):
        moved = torch.where(near == X, near, near.nextafter(torch.tensor(towards)))
        assert torch.equal(far, moved.double())
