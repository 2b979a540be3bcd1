"""FullyConnected: its layers and parameters, counted by hand."""

import pytest
import torch
from torch import nn

from hauberk.architectures import FullyConnected


@pytest.mark.parametrize(
    ("shape", "classes", "hidden", "parameters"),
    [
        ((1, 28, 28), 10, [500], 785 * 500 + 501 * 10),
        ((561,), 6, [500], 562 * 500 + 501 * 6),
        ((2,), 2, [100] * 4, 3 * 100 + 3 * 101 * 100 + 101 * 2),
        ((2,), 2, [], 3 * 2),
    ],
)
def test_parameters_and_logits(shape, classes, hidden, parameters):
    network = FullyConnected(shape, classes, hidden)
    assert sum(p.numel() for p in network.parameters()) == parameters
    assert network(torch.rand(3, *shape)).shape == (3, classes)


def test_order_of_the_layers():
    block = [nn.Linear, nn.ReLU]
    assert [type(layer) for layer in FullyConnected((1, 2, 2), 3, [5, 6])] == [nn.Flatten, *block, *block, nn.Linear]
    assert [type(layer) for layer in FullyConnected((4,), 3, [5])] == [*block, nn.Linear]
