"""Flows of mass against transports known in closed form."""

from dataclasses import dataclass

import polars as pl
import pytest
import torch
from torch import nn

from hauberk.attacks import PGD
from hauberk.concepts.attack import Attack
from hauberk.concepts.dataset import Split
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError, UnsupportedOpError, UnsupportedSetError
from hauberk.losses import CrossEntropy
from hauberk.studies import TransportPlans
from hauberk.threats import LinfBall, Union, WassersteinBall

BALL = WassersteinBall(0.25, window=3)


def subject(network):
    return NetworkSubject(network, UnsupportedOpError("not needed"))


class Left(nn.Module):
    """Answers 0 where the left half of an image is at least as bright as the right one, else 1."""

    def forward(self, x):
        half = x.shape[-1] // 2
        left, right = (part.flatten(1).sum(1) for part in (x[..., :half], x[..., half:]))
        return torch.stack([left - right + 1e-3, right - left], 1)


@dataclass(frozen=True)
class Put(Attack):
    """Answers with given images."""

    answer: torch.Tensor

    def __call__(self, network, S, y, *, noise):
        return self.answer


def study(x, answer, threat=BALL, y=None, **arguments):
    y = torch.zeros(len(x), dtype=torch.long) if y is None else y
    return TransportPlans(Put(answer), **arguments)(subject(Left()), Split(x, y), threat)


def rows(findings, part, *columns):
    return findings.table.filter(pl.col("part") == part).select(columns).rows()


FLOW = ("example", "channel", "row", "column", "to_row", "to_column", "share")
X = torch.tensor([[[[0.0, 0.8, 0.0, 0.0], [0.0, 0.0, 0.2, 0.0]]]])
MOVED = torch.tensor([[[[0.0, 0.6, 0.2, 0.0], [0.0, 0.0, 0.2, 0.0]]]])


def test_the_flow_is_what_moved_and_its_cost_is_exact():
    findings = study(X, MOVED)
    ((*place, share),) = rows(findings, "flow", *FLOW)
    assert place == [0, 0, 0, 1, 0, 2]
    assert share == pytest.approx(0.2, abs=1e-6)
    ((radius, cost, moved, gap),) = rows(findings, "example", "radius", "cost", "moved", "gap")
    assert (radius, cost, moved, gap) == pytest.approx((0.25, 0.2, 0.2, 0), abs=2e-6)
    assert findings.facts == {"attack": "Put", "threat": "Wasserstein (3 x 3) eps 0.25", "least": "1e-06", "unit": "px"}


def test_pixels_have_their_values_and_places():
    findings = study(X, MOVED)
    found = rows(findings, "pixel", "channel", "row", "column", "clean", "attacked")
    assert len(found) == 8
    assert found[2] == (0, 0, 2, 0.0, pytest.approx(0.2))
    assert found[6] == (0, 1, 2, pytest.approx(0.2), pytest.approx(0.2))


def test_mass_stays_in_the_channels_of_a_colour_image():
    x, z = torch.zeros(1, 3, 2, 4), torch.zeros(1, 3, 2, 4)
    x[0, 0, 0, 0] = x[0, 1, 1, 1] = x[0, 2, 1, 1] = z[0, 0, 0, 0] = 0.5
    z[0, 1, 1, 0] = z[0, 2, 1, 1] = 0.4
    z[0, 1, 1, 1] = z[0, 2, 0, 2] = 0.1
    findings = study(x, z, WassersteinBall(1.0))
    assert [row[:6] for row in rows(findings, "flow", *FLOW)] == [(0, 1, 1, 1, 1, 0), (0, 2, 1, 1, 0, 2)]
    shares = [share for *_, share in rows(findings, "flow", *FLOW)]
    assert shares == pytest.approx([0.4 / 1.5, 0.1 / 1.5], abs=1e-6)
    ((cost,),) = rows(findings, "example", "cost")
    assert cost == pytest.approx((0.4 + 0.1 * 2**0.5) / 1.5, abs=1e-5)


def test_small_flows_are_left_out_and_counted():
    findings = study(X, MOVED, least=0.5)
    assert rows(findings, "flow", *FLOW) == []
    ((moved, left_out),) = rows(findings, "example", "moved", "left_out")
    assert left_out == moved == pytest.approx(0.2, abs=1e-6)
    assert findings.table.schema["share"] == pl.Float64  # a column without rows keeps its type


def test_only_the_first_examples_that_are_answered_correctly_are_attacked():
    x = torch.cat([X.flip(-1), X, X.flip(-1), X, X])
    findings = study(x, torch.cat([MOVED, X]), examples=2)
    assert rows(findings, "example", "example", "label", "answer") == [(1, 0, 0), (3, 0, 0)]
    assert [row[0] for row in rows(findings, "flow", *FLOW)] == [1]  # the attack on the other failed, and moved nothing


def test_answers_are_those_to_the_attacked_images():
    findings = study(X * 0 + 0.5, torch.tensor([[[[0.5, 0.4, 0.6, 0.5]] * 2]]))
    assert rows(findings, "example", "label", "answer") == [(0, 1)]


def test_a_black_image_cannot_change():
    dark = torch.zeros(1, 1, 2, 4)
    findings = TransportPlans(PGD(CrossEntropy(), steps=2, step=0.1))(
        subject(Left()), Split(torch.cat([dark, X]), torch.tensor([0, 0])), BALL
    )
    assert rows(findings, "example", "cost", "moved", "gap")[0] == (0, 0, 0)
    assert {row[0] for row in rows(findings, "flow", *FLOW)} <= {1}


def test_an_attack_within_the_ball_is_explained_by_its_plan():
    torch.manual_seed(0)
    x, network = torch.rand(3, 3, 6, 6), nn.Sequential(nn.Flatten(), nn.Linear(108, 4))
    data = Split(x, network(x).argmax(1))
    findings = TransportPlans(PGD(CrossEntropy(), steps=10, step=0.1))(subject(network), data, WassersteinBall(0.1))
    for radius, cost, gap in rows(findings, "example", "radius", "cost", "gap"):
        assert cost <= radius * (1 + 1e-9)
        assert gap < 1e-5
    made = (
        findings.table.filter(pl.col("part") == "flow").group_by("example").agg(pl.col("share").sum()).sort("example")
    )
    moved = [moved - left for moved, left in rows(findings, "example", "moved", "left_out")]
    assert made["share"].to_list() == pytest.approx(moved)


def test_other_costs_have_no_pixels_as_their_unit():
    assert study(X, MOVED, WassersteinBall(0.25, window=3, p=2.0)).facts["unit"] == ""
    assert study(X, MOVED, WassersteinBall(0.25, window=None)).facts["unit"] == "px"


def test_where_no_example_is_answered_correctly_there_is_nothing_to_attack():
    findings = study(X, X, y=torch.tensor([1]))
    assert findings.facts == {"not_applicable": "all 1 examples are misclassified unattacked"}
    assert not len(findings.table)


@pytest.mark.parametrize("threat", [LinfBall(0.1), Union([BALL, LinfBall(0.1)])])
def test_other_threats_are_refused_by_name(threat):
    with pytest.raises(UnsupportedSetError, match=r"the threat is .*linf eps 0.1.*: give the recipe a WassersteinBall"):
        study(X, X, threat)


@pytest.mark.parametrize(("examples", "least"), [(0, 0.1), (1, 1.0), (1, -0.1), (1, float("nan"))])
def test_refuses_no_example_and_impossible_shares(examples, least):
    with pytest.raises(InputError, match=r"TransportPlans needs (examples|least) to be"):
        TransportPlans(Put(X), examples, least)
