"""Boxes of single steps."""

import pytest
import torch
from torch import nn

from hauberk.capture import capture
from hauberk.propagation import forward_box
from hauberk.threats import L2Ball


def graph_of(layer, x):
    return capture(nn.Sequential(layer, nn.Flatten(), nn.LazyLinear(2)).double(), x).frozen()


@pytest.mark.parametrize(
    ("layer", "shape", "windows"),
    [
        (nn.Conv2d(1, 4, 3), (1, 24, 24), True),
        (nn.Conv2d(1, 4, 5, padding=2), (1, 6, 6), False),  # most windows reach most of the map
        (nn.Linear(12, 5), (12,), False),
    ],
)
def test_the_budget_grows_where_rows_are_small_windows(layer, shape, windows):
    x = torch.rand(2, *shape, dtype=torch.float64)
    graph = graph_of(layer, x)
    assert (forward_box.budget(graph, 1, x) > forward_box.ON_HOST) == windows


def test_boxes_over_balls_are_the_same_however_many_rows_a_pass_takes(monkeypatch):
    x = torch.rand(2, 1, 24, 24, dtype=torch.float64)
    graph, S = graph_of(nn.Conv2d(1, 4, 3), x), L2Ball(0.5).at(x)
    boxes = [S.bounding_box()]
    whole = forward_box.forward_box(graph, S, boxes, outward=True)
    monkeypatch.setattr(forward_box, "ON_HOST", 1000)
    parts = forward_box.forward_box(graph, S, boxes, outward=True)
    torch.testing.assert_close(parts.lower, whole.lower, rtol=0, atol=1e-12)
    torch.testing.assert_close(parts.upper, whole.upper, rtol=0, atol=1e-12)
