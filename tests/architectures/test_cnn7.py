"""CNN7: its layers, counted by hand, and its shapes."""

import pytest
import torch
from torch import nn

from hauberk.architectures import CNN7


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32)])
def test_parameters(shape):
    channels, side, _ = shape
    convolutions = (9 * channels + 1) * 64 + (9 * 64 + 1) * 64 + (9 * 64 + 1) * 128 + 2 * (9 * 128 + 1) * 128
    linear = (128 * (side // 2) ** 2 + 1) * 512 + (512 + 1) * 10
    norms = 2 * (64 + 64 + 128 + 128 + 128 + 512)
    assert sum(p.numel() for p in CNN7(shape=shape, classes=10).parameters()) == convolutions + linear + norms


def test_order_of_the_layers():
    kinds = [type(layer) for layer in CNN7((1, 4, 4), 10)]
    block = [nn.Conv2d, nn.BatchNorm2d, nn.ReLU]
    assert kinds == [*(5 * block), nn.Flatten, nn.Linear, nn.BatchNorm1d, nn.ReLU, nn.Linear]


def test_only_the_third_convolution_strides():
    strides = [layer.stride for layer in CNN7((1, 4, 4), 10) if isinstance(layer, nn.Conv2d)]
    assert strides == [(1, 1), (1, 1), (2, 2), (1, 1), (1, 1)]


@pytest.mark.parametrize("shape", [(3, 8, 6), (1, 7, 5)])
def test_logits_for_even_and_odd_sides(shape):
    assert CNN7(shape, 7)(torch.rand(2, *shape)).shape == (2, 7)


def test_exports_with_a_dynamic_batch():
    network = CNN7((1, 4, 4), 10).eval()
    shapes = ({0: torch.export.Dim("batch")},)
    exported = torch.export.export(network, (torch.rand(2, 1, 4, 4),), dynamic_shapes=shapes).module()
    x = torch.rand(5, 1, 4, 4)
    torch.testing.assert_close(exported(x), network(x))
