"""The networks of provably robust training against the paper's counts."""

import pytest
import torch
from torch import nn

from hauberk.architectures import Large, ResidualNet, Small
from hauberk.architectures.wong import ResidualBlock
from hauberk.errors import ShapeError

MNIST, CIFAR = (1, 28, 28), (3, 32, 32)
COUNTS = [
    (Small, MNIST, 4804, 166_406),
    (Small, CIFAR, 6244, 214_918),
    (Large, MNIST, 48_064, 1_974_762),
    (Large, CIFAR, 62_464, 2_466_858),
    (ResidualNet, MNIST, 82_536, 3_254_562),
    (ResidualNet, CIFAR, 107_496, 4_214_850),
]
FAMILY = [Small, Large, ResidualNet]


def hidden_units(network, shape):
    """The number of outputs of all ReLUs for one input."""
    count = 0

    def add(module, inputs, output):
        nonlocal count
        count += output.numel()

    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(add)
    network(torch.rand(1, *shape))
    return count


@pytest.mark.parametrize(("architecture", "shape", "units", "parameters"), COUNTS)
def test_counts_are_those_of_the_paper(architecture, shape, units, parameters):
    network = architecture(shape=shape, classes=10)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters
    assert hidden_units(network, shape) == units


def test_chains_have_the_released_state_names():
    assert [name for name in Small(MNIST, 10).state_dict() if "weight" in name] == [
        f"{index}.weight" for index in (0, 2, 5, 7)
    ]
    assert [name for name in Large(MNIST, 10).state_dict() if "weight" in name] == [
        f"{index}.weight" for index in (0, 2, 4, 6, 9, 11, 13)
    ]


@pytest.mark.parametrize("architecture", FAMILY)
def test_logits_for_other_shapes_and_classes(architecture):
    assert architecture((2, 8, 12), 7)(torch.rand(3, 2, 8, 12)).shape == (3, 7)


@pytest.mark.parametrize("architecture", FAMILY)
@pytest.mark.parametrize("shape", [(1, 30, 28), (1, 28, 27)])
def test_refuses_sides_that_cannot_be_halved_twice(architecture, shape):
    with pytest.raises(ShapeError, match=rf"multiples of 4, but shape is \(1, {shape[1]}, {shape[2]}\)"):
        architecture(shape, 10)


def test_residual_block_adds_the_skip():
    block = ResidualBlock(16, 32, down=True)
    x = torch.rand(2, 16, 8, 8)
    # A kernel of 2 and a stride of 2: one linear map of each 2 x 2 patch.
    patches = x.unfold(2, 2, 2).unfold(3, 2, 2)
    weight, bias = block.skip.get_parameter("weight"), block.skip.get_parameter("bias")
    expected = torch.einsum("bchwij,ocij->bohw", patches, weight) + bias[:, None, None]
    torch.testing.assert_close(block(x) - block.main(x), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", FAMILY)
def test_kaiming_draws_by_the_fan_out(architecture):
    torch.manual_seed(0)
    convolutions = [m for m in architecture(CIFAR, 10, kaiming=True).modules() if isinstance(m, nn.Conv2d)]
    for convolution in convolutions:
        kernel, outputs = convolution.kernel_size[0], convolution.out_channels
        weight = convolution.weight
        deviation = (2 / (kernel**2 * outputs)) ** 0.5
        # Six standard errors of a sample standard deviation.
        assert weight.std().item() == pytest.approx(deviation, rel=6 / (2 * weight.numel()) ** 0.5)
        assert convolution.bias is not None
        assert not convolution.bias.any()


@pytest.mark.parametrize("architecture", FAMILY)
def test_exports_with_a_dynamic_batch(architecture):
    network = architecture((1, 8, 8), 10).eval()
    shapes = ({0: torch.export.Dim("batch")},)
    exported = torch.export.export(network, (torch.rand(2, 1, 8, 8),), dynamic_shapes=shapes).module()
    x = torch.rand(5, 1, 8, 8)
    torch.testing.assert_close(exported(x), network(x))
