"""Outer polytopes hold the image, and nothing but the image where the network is linear."""

import math
from itertools import pairwise

import polars as pl
import pytest
import torch
from torch import nn

from hauberk.bounds import BackwardLinear, Interval
from hauberk.capture import capture
from hauberk.concepts.dataset import Split
from hauberk.concepts.slopes import Parallel
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import InputError, ShapeError
from hauberk.studies import OutputPolytope
from hauberk.studies.output_polytope import cut
from hauberk.threats import LinfBall

X = torch.tensor([[0.4, 0.6]])
DATA = Split(X, torch.tensor([0]))
THREAT = LinfBall(0.08, within=None)
DUAL = BackwardLinear(slopes=Parallel())


def tables(network, **arguments):
    """Return the points of every part, by (network, eps, part)."""
    study = OutputPolytope(DUAL, Interval(), **{"side": 21, **arguments})
    table = study(NetworkSubject(network, capture(network, X)), DATA, THREAT).table
    return {
        key: torch.tensor(part.select("first", "second").to_numpy())
        for key, part in table.partition_by("network", "eps", "part", as_dict=True).items()
    }


def mlp(*sizes):
    layers = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def depth(points, corners):
    """Return how far points lie inside a polygon whose corners run against the clock; negative outside."""
    edge = corners.roll(-1, 0) - corners
    long = edge.norm(dim=1) > 1e-9
    corners, edge = corners[long], edge[long]
    away = points[:, None] - corners
    return ((edge[:, 0] * away[..., 1] - edge[:, 1] * away[..., 0]) / edge.norm(dim=1)).amin(1)


def test_the_image_lies_in_the_polytope_and_the_polytope_in_the_box():
    torch.manual_seed(0)
    found = tables(mlp(2, 12, 12, 2), redrawn=2, eps=[0.05, 0.3], seed=1)
    assert len(found) == 2 * 2 * 3
    for number in range(2):
        for eps in (0.05, 0.3):
            image, convex, box = (found[number, eps, part] for part in ("true", "convex", "box"))
            assert len(image) == 21**2
            assert depth(image, convex).min() > -1e-9
            assert (convex >= box.amin(0) - 1e-9).all()
            assert (convex <= box.amax(0) + 1e-9).all()
            assert len(box) == 4


def test_a_linear_network_has_the_tightest_polygon_of_its_directions():
    torch.manual_seed(0)
    found = tables(mlp(2, 2), eps=[0.1], directions=16)
    image, convex = found[0, 0.1, "true"], found[0, 0.1, "convex"]
    angles = torch.arange(16).double() * (2 * math.pi / 16)
    directions = torch.stack([angles.cos(), angles.sin()])
    torch.testing.assert_close((convex @ directions).amin(0), (image @ directions).amin(0), rtol=0, atol=1e-9)


def test_random_networks_have_the_stated_spread_and_leave_the_subject_alone():
    torch.manual_seed(0)
    network = mlp(2, 300, 300, 2)
    graph, before = capture(network, X), [p.clone() for p in network.parameters()]
    study = OutputPolytope(DUAL, Interval(), redrawn=2)
    first, second = study.networks(graph)
    hidden = next(node.op for node in list(first.nodes)[1:] if hasattr(node.op, "weight"))
    assert hidden.weight.shape == (300, 300)
    assert hidden.weight.std().item() == pytest.approx(300**-0.5, rel=0.01)
    assert hidden.bias.std().item() == pytest.approx(1, rel=0.15)
    x = X.double()
    assert not torch.allclose(first(x), second(x))
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters(), strict=True))
    (own,) = OutputPolytope(DUAL, Interval()).networks(graph)
    torch.testing.assert_close(own(x).float(), network(X))


def test_a_cut_keeps_what_lies_on_its_side():
    generator = torch.Generator().manual_seed(0)
    square = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]], dtype=torch.float64)
    points = torch.rand(400, 2, generator=generator, dtype=torch.float64) * 2.4 - 1.2
    for _ in range(20):
        row = torch.randn(2, generator=generator, dtype=torch.float64)
        least = row @ (torch.rand(2, generator=generator, dtype=torch.float64) - 0.5)  # the line meets the square
        kept = cut(square, row, least)
        inside = (points.abs().amax(1) <= 1) & (points @ row >= least)
        assert torch.equal(depth(points, kept) >= 0, inside)


def test_a_cut_can_leave_nothing():
    square = torch.tensor([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    assert len(cut(square, torch.tensor([1.0, 0.0]), torch.tensor(2.0))) == 0


@pytest.mark.parametrize("sizes", [(2, 4, 3), (3, 4, 2)])
def test_only_two_inputs_and_two_logits_can_be_drawn(sizes):
    network = mlp(*sizes)
    x = torch.rand(1, sizes[0])
    with pytest.raises(ShapeError, match="two inputs and two logits"):
        OutputPolytope(DUAL, Interval())(NetworkSubject(network, capture(network, x)), Split(x, DATA.labels), THREAT)


@pytest.mark.parametrize("arguments", [{"eps": []}, {"eps": [0.0]}, {"directions": 6}, {"side": 1}])
def test_refuses_what_cannot_be_drawn(arguments):
    with pytest.raises(InputError, match="OutputPolytope"):
        OutputPolytope(DUAL, Interval(), **arguments)


@pytest.mark.product
def test_intervals_are_a_thousand_times_wider_on_random_networks():
    found = tables(mlp(2, 100, 100, 100, 100, 2), redrawn=6, eps=[0.05], side=41)
    rows = [
        {"part": part, "width": float((points.amax(0) - points.amin(0)).mean())}
        for (_, _, part), points in found.items()
    ]
    widths = dict(pl.DataFrame(rows).group_by("part").mean().iter_rows())
    assert widths["true"] < widths["convex"] < 1.5 * widths["true"]
    assert widths["box"] > 500 * widths["convex"]
