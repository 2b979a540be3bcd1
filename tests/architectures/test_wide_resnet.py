"""WideResNet: the well-known counts, the released names, and its blocks."""

import pytest
import torch
from torch.nn import functional as F

from hauberk.architectures import WideResNet
from hauberk.architectures.wide_resnet import WideBlock
from hauberk.capture import capture
from hauberk.errors import InputError

CIFAR = (3, 32, 32)


def narrow(dropout=0.0):
    """WRN-10-2 of 7 classes."""
    torch.manual_seed(0)
    return WideResNet((3, 8, 8), 7, depth=10, width=2, dropout=dropout).eval()


@pytest.mark.parametrize(
    ("sizes", "parameters"),
    [
        ({}, 46_160_474),
        ({"depth": 34, "width": 10, "dropout": 0.3}, 46_160_474),
        ({"depth": 28}, 36_479_194),
    ],
)
def test_parameters(sizes, parameters):
    with torch.device("meta"):
        network = WideResNet(CIFAR, 10, **sizes)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


@pytest.mark.parametrize(("depth", "blocks"), [(10, 1), (16, 2), (34, 5)])
def test_depth_counts_all_convolutions(depth, blocks):
    with torch.device("meta"):
        network = WideResNet(CIFAR, 10, depth)
    assert [len(stage.layer) for stage in (network.block1, network.block2, network.block3)] == [blocks] * 3
    assert sum(isinstance(module, torch.nn.Conv2d) for module in network.modules()) == depth


def test_released_state_names():
    with torch.device("meta"):
        shapes = {name: tuple(value.shape) for name, value in WideResNet(CIFAR, 10).state_dict().items()}
    # The first convolution, 15 blocks of two with batch norms, three projections, the last batch norm, a linear layer.
    assert len(shapes) == 1 + 15 * 2 * 6 + 3 + 5 + 2
    for name, shape in {
        "conv1.weight": (16, 3, 3, 3),
        "block1.layer.0.bn1.weight": (16,),
        "block1.layer.0.convShortcut.weight": (160, 16, 1, 1),
        "block1.layer.4.conv2.weight": (160, 160, 3, 3),
        "block2.layer.0.conv1.weight": (320, 160, 3, 3),
        "block3.layer.3.bn2.running_var": (640,),
        "bn1.running_mean": (640,),
        "fc.weight": (10, 640),
    }.items():
        assert shapes[name] == shape


def test_stages_halve_the_sides():
    network = narrow()
    x = network.conv1(torch.rand(1, *CIFAR))
    shapes = []
    for stage in (network.block1, network.block2, network.block3):
        x = stage(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes == [(32, 32, 32), (64, 16, 16), (128, 8, 8)]


@pytest.mark.parametrize("size", [(1, 1), (7, 5), (8, 8), (17, 24)])
def test_one_network_takes_images_of_any_size(size):
    assert narrow()(torch.rand(1, 3, *size)).shape == (1, 7)


def test_a_block_without_residual_is_its_skip():
    x = torch.randn(2, 8, 4, 4)
    same, down = WideBlock(8, 8).eval(), WideBlock(8, 16, stride=2).eval()
    for block in (same, down):
        torch.nn.init.zeros_(block.conv2.weight)
    assert torch.equal(same(x), x)
    # The projection sees the activated input, not the input itself.
    assert down.convShortcut is not None
    assert torch.equal(down(x), down.convShortcut(F.relu(down.bn1(x))))


def test_a_width_of_one_has_no_projection_in_the_first_stage():
    names = WideResNet(CIFAR, 10, depth=10, width=1).state_dict()
    assert [name for name in names if "convShortcut" in name] == [
        f"block{stage}.layer.0.convShortcut.weight" for stage in (2, 3)
    ]


def test_weights_are_drawn_by_the_fan_out():
    network = narrow()
    for weight in (network.conv1.weight, network.block3.layer[0].conv2.weight):
        deviation = (2 / (9 * weight.shape[0])) ** 0.5
        # Six standard errors of a sample standard deviation.
        assert weight.std().item() == pytest.approx(deviation, rel=6 / (2 * weight.numel()) ** 0.5)
    assert not network.fc.bias.any()


def test_dropout_acts_in_training_alone():
    network, x = narrow(dropout=0.5), torch.rand(4, 3, 8, 8)
    assert torch.equal(network(x), network(x))
    assert torch.equal(network(x), narrow()(x))
    block = network.block1.layer[0].train()
    assert not torch.equal(block(network.conv1(x)), block(network.conv1(x)))


@pytest.mark.parametrize("depth", [-2, 0, 4, 18, 32, 35])
def test_refuses_other_depths(depth):
    with pytest.raises(InputError, match=rf"depth .* is {depth}\."):
        WideResNet(CIFAR, 10, depth)


@pytest.mark.parametrize(
    ("argument", "value", "message"),
    [
        ("width", 0, "width to be a positive integer, but it is 0"),
        ("dropout", 1.0, r"dropout to be a share, from 0 to below 1, but it is 1\.0"),
        ("dropout", -0.1, r"dropout to be a share, from 0 to below 1, but it is -0\.1"),
        ("dropout", float("nan"), "dropout to be a share, from 0 to below 1, but it is nan"),
    ],
)
def test_refuses_values_out_of_range(argument, value, message):
    with pytest.raises(InputError, match=message):
        WideResNet(CIFAR, 10, depth=10, **{argument: value})


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_is_captured_and_equal_for_every_batch(dropout):
    network, x = narrow(dropout), torch.rand(3, 3, 9, 8)
    frozen = capture(network, x).frozen()
    with torch.no_grad():
        logits = network(x)
        for batch in (x[:1], x):
            torch.testing.assert_close(frozen(batch), logits[: len(batch)], rtol=0, atol=1e-5)
