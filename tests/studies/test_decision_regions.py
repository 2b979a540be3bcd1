"""Regions of a network whose only boundary is known: the line where the first input is one half."""

import polars as pl
import pytest
import torch
from torch import nn

from hauberk.bounds import BackwardLinear
from hauberk.capture import capture
from hauberk.concepts.dataset import Split
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError, ShapeError
from hauberk.studies import DecisionRegions
from hauberk.threats import LinfBall
from hauberk.verification import ByBound

POINTS = torch.tensor([[0.2, 0.3], [0.45, 0.8], [0.75, 0.5], [0.9, 0.1]])
LABELS = torch.tensor([0, 0, 1, 0])
THREAT = LinfBall(0.1, within=None)
STUDY = DecisionRegions(ByBound(BackwardLinear(), "CROWN"), side=31)


@pytest.fixture(scope="module")
def table():
    network = nn.Linear(2, 2)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[-1.0, 0.0], [1.0, 0.0]]))
        network.bias.copy_(torch.tensor([0.5, -0.5]))
    findings = STUDY(NetworkSubject(network, capture(network, POINTS)), Split(POINTS, LABELS), THREAT)
    assert findings.facts == {"verifier": "CROWN", "threat": "linf eps 0.1", "side": "31"}
    return findings.table


def test_points_are_proven_where_their_whole_square_lies_on_their_side(table):
    points = table.filter(pl.col("part") == "point").sort("example")
    assert points["prediction"].to_list() == [0, 0, 1, 1]
    assert points["label"].to_list() == LABELS.tolist()
    assert points["certified"].to_list() == [True, False, True, False]  # too near, and on the wrong side
    assert points.select("first", "second").to_numpy() == pytest.approx(POINTS.numpy())


def test_the_grid_covers_every_outline_and_says_what_the_network_says(table):
    grid = table.filter(pl.col("part") == "grid")
    assert len(grid) == 31**2
    assert (grid["prediction"] == (grid["first"] > 0.5)).all()
    around = table.filter(pl.col("part") == "outline")
    for axis in ("first", "second"):
        assert grid[axis].n_unique() == 31
        assert grid[axis].min() < around[axis].min() < around[axis].max() < grid[axis].max()


def test_outlines_are_the_boundaries_of_the_squares_corners_included(table):
    for example, point in enumerate(POINTS):
        outline = table.filter((pl.col("part") == "outline") & (pl.col("example") == example))
        away = torch.tensor(outline.select("first", "second").to_numpy()) - point
        torch.testing.assert_close(away.abs().amax(1), torch.full((96,), 0.1, dtype=torch.float64), rtol=0, atol=1e-6)
        for corner in ([-0.1, -0.1], [-0.1, 0.1], [0.1, -0.1], [0.1, 0.1]):
            assert (away - torch.tensor(corner)).abs().amax(1).min() < 1e-6


def test_images_have_no_plane():
    network = nn.Sequential(nn.Flatten(), nn.Linear(16, 2))
    x = torch.rand(2, 1, 4, 4)
    with pytest.raises(ShapeError, match=r"\(1, 4, 4\)"):
        STUDY(NetworkSubject(network, capture(network, x)), Split(x, LABELS[:2]), THREAT)


def test_refuses_a_grid_of_one_point():
    with pytest.raises(InputError, match="side"):
        DecisionRegions(ByBound(BackwardLinear()), side=1)
