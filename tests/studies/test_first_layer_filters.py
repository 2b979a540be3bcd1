"""The table holds the weights, every one at its place."""

import polars as pl
import pytest
import torch
from torch import nn

from hauberk.capture import capture
from hauberk.concepts.dataset import Split
from hauberk.concepts.subject import NetworkSubject
from hauberk.errors import ShapeError
from hauberk.studies import FirstLayerFilters
from hauberk.threats import LinfBall


def findings(network, shape, count=64):
    x = torch.rand(2, *shape)
    subject = NetworkSubject(network, capture(network, x))
    return FirstLayerFilters(count)(subject, Split(x, torch.tensor([0, 1])), LinfBall(0.1))


def at(table, *place):
    names = ("filter", "channel", "row", "column")
    here = [pl.col(name) == value for name, value in zip(names, place, strict=True)]
    return table.row(by_predicate=pl.all_horizontal(here), named=True)["weight"]


def test_a_convolution_is_shown_as_it_is():
    network = nn.Sequential(nn.Conv2d(3, 5, (2, 4)), nn.Flatten(), nn.Linear(5 * 5 * 3, 2))
    found = findings(network, (3, 6, 6), count=4)
    assert len(found.table) == 4 * 3 * 2 * 4
    assert at(found.table, 3, 2, 1, 0) == pytest.approx(network[0].weight[3, 2, 1, 0].item())
    assert found.facts == {"layer": "0", "kind": "Conv2d", "outputs": "5"}


def test_rows_of_a_linear_layer_take_the_shape_of_the_input():
    network = nn.Sequential(nn.Flatten(), nn.Linear(2 * 3 * 5, 4))
    found = findings(network, (2, 3, 5))
    assert at(found.table, 1, 1, 2, 3) == pytest.approx(network[1].weight[1].view(2, 3, 5)[1, 2, 3].item())


def test_inputs_that_are_no_image_lie_in_a_line():
    network = nn.Linear(2, 3)
    found = findings(network, (2,))
    assert [at(found.table, 2, 0, 0, j) for j in (0, 1)] == pytest.approx(network.weight[2].tolist())


def test_a_network_without_weights_is_refused():
    with pytest.raises(ShapeError, match="no linear layer"):
        findings(nn.Sequential(nn.Flatten(), nn.ReLU()), (1, 1, 2))
