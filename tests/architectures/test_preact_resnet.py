"""PreActResNet18: the well-known count, its state names and its blocks."""

import pytest
import torch
from torch.nn import functional as F

from hauberk.architectures import PreActResNet18
from hauberk.architectures.preact_resnet import PreActBlock
from hauberk.errors import ShapeError

CIFAR = (3, 32, 32)


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return PreActResNet18(shape=CIFAR, classes=10).eval()


def test_parameters(network):
    count = sum(parameter.numel() for parameter in network.parameters())
    final_norm = 2 * 512
    assert count == 11_171_146 + final_norm  # the figure without a final batch norm is the widely quoted one


def test_released_state_names(network):
    blocks = {
        f"layer{stage}.{block}.{part}" for stage in (1, 2, 3, 4) for block in (0, 1) for part in ("conv1", "conv2")
    }
    weights = {name.removesuffix(".weight") for name, value in network.named_parameters() if value.ndim == 4}
    assert weights == {"conv1"} | blocks | {f"layer{stage}.0.shortcut.0" for stage in (2, 3, 4)}
    assert {"bn.weight", "bn.running_mean", "linear.weight", "linear.bias"} <= set(network.state_dict())


def test_stages_halve_the_sides(network):
    x = network.conv1(torch.rand(1, *CIFAR))
    shapes = []
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        x = stage(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes == [(64, 32, 32), (128, 16, 16), (256, 8, 8), (512, 4, 4)]


def test_a_block_without_residual_is_its_shortcut():
    x = torch.randn(2, 64, 4, 4)
    same, down = PreActBlock(64, 64).eval(), PreActBlock(64, 128, stride=2).eval()
    for block in (same, down):
        torch.nn.init.zeros_(block.conv2.weight)
    assert torch.equal(same(x), x)
    # The projection sees the activated input, as in the pre-activation paper, not the input itself.
    assert down.shortcut is not None
    assert torch.equal(down(x), down.shortcut(F.relu(down.bn1(x))))


def test_logits_for_larger_images_and_other_classes():
    assert PreActResNet18((1, 32, 64), 7).eval()(torch.rand(1, 1, 32, 64)).shape == (1, 7)


@pytest.mark.parametrize("shape", [(1, 28, 32), (3, 32, 40)])
def test_refuses_sides_that_do_not_divide(shape):
    with pytest.raises(ShapeError, match=r"multiples of 32, but shape is"):
        PreActResNet18(shape, 10)


def test_exports_with_a_dynamic_batch(network):
    shapes = ({0: torch.export.Dim("batch")},)
    exported = torch.export.export(network, (torch.rand(2, *CIFAR),), dynamic_shapes=shapes).module()
    x = torch.rand(3, *CIFAR)
    torch.testing.assert_close(exported(x), network(x))
