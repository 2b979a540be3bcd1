"""The max-pooled networks: their layers and parameters, counted by hand, and their bounds."""

import pytest
import torch
from torch import nn

from hauberk.architectures import CarliniWagnerCNN, MadryCNN
from hauberk.bounds import Interval
from hauberk.capture import capture
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import ShapeError
from hauberk.threats import LinfBall

FAMILY = [(MadryCNN, 4), (CarliniWagnerCNN, 16)]
MNIST = (1, 28, 28)


def test_parameters():
    madry = 26 * 32 + (25 * 32 + 1) * 64 + (64 * 7 * 7 + 1) * 1024 + 1025 * 10
    carlini_wagner = 10 * 32 + 289 * 32 + 289 * 64 + 577 * 64 + (64 * 4 * 4 + 1) * 200 + 201 * 200 + 201 * 10
    assert (madry, carlini_wagner) == (3_274_634, 312_202)
    for architecture, count in [(MadryCNN, madry), (CarliniWagnerCNN, carlini_wagner)]:
        assert sum(p.numel() for p in architecture(shape=MNIST, classes=10).parameters()) == count


def test_order_of_the_layers():
    convolution, linear = [nn.Conv2d, nn.ReLU], [nn.Linear, nn.ReLU]
    once, twice = [*convolution, nn.MaxPool2d], [*convolution, *convolution, nn.MaxPool2d]
    madry, carlini_wagner = ([type(layer) for layer in network(MNIST, 10)] for network in (MadryCNN, CarliniWagnerCNN))
    assert madry == [*once, *once, nn.Flatten, *linear, nn.Linear]
    assert carlini_wagner == [*twice, *twice, nn.Flatten, *linear, *linear, nn.Linear]


@pytest.mark.parametrize(("architecture", "least"), FAMILY)
def test_logits_for_odd_sides_and_one_example(architecture, least):
    for shape in [(1, least, least), (3, least + 1, least + 3), (2, least + 7, least)]:
        assert architecture(shape, 7)(torch.rand(1, *shape)).shape == (1, 7)


@pytest.mark.parametrize(("architecture", "least"), FAMILY)
def test_refuses_sides_of_which_nothing_is_left(architecture, least):
    for shape in [(1, least - 1, least), (1, 28, least - 1)]:
        with pytest.raises(ShapeError, match=rf"at least {least}, but shape is \(1, {shape[1]}, {shape[2]}\)"):
            architecture(shape, 10)


@pytest.mark.parametrize(("architecture", "least"), FAMILY)
def test_is_captured_and_bounded(architecture, least):
    torch.manual_seed(0)
    shape = (1, least + 1, least)
    network, x = architecture(shape, 4).double().eval(), torch.rand(2, *shape, dtype=torch.float64)
    frozen = capture(network, x).frozen()
    with torch.no_grad():
        for batch in (x[:1], x):
            torch.testing.assert_close(frozen(batch), network(batch), rtol=0, atol=1e-12)
            assert torch.equal(network(batch), network(batch))
        spec, S = LinearSpec.margins(torch.tensor([0, 3]), 4, x.dtype), LinfBall(0.01, None).at(x)
        lower = Interval()(frozen, S, spec).lower
        for step in (-0.01, 0.0, 0.01):
            assert (spec.value(network(x + step)) >= lower - 1e-9).all()
