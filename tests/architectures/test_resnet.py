"""ResNet18, ResNet34 and ResNet50: the well-known counts, torchvision's names, and their blocks."""

import pytest
import torch
from torch.nn import functional as F

from hauberk.architectures import ResNet18, ResNet34, ResNet50
from hauberk.architectures.resnet import BasicBlock, Bottleneck, ResNet
from hauberk.capture import capture
from hauberk.errors import InputError

CIFAR, IMAGENET = (3, 32, 32), (3, 224, 224)
EXPANSIONS = [(BasicBlock, 1), (Bottleneck, 4)]


def shallow(block, stem, channels=3):
    """One block a stage."""
    return ResNet(block, (1, 1, 1, 1), (channels, 32, 32), 7, stem).eval()


@pytest.mark.parametrize(
    ("architecture", "shape", "classes", "stem", "parameters"),
    [
        (ResNet18, CIFAR, 10, "cifar", 11_173_962),
        (ResNet18, IMAGENET, 1000, "imagenet", 11_689_512),
        (ResNet34, CIFAR, 10, "cifar", 21_282_122),
        (ResNet34, IMAGENET, 1000, "imagenet", 21_797_672),
        # From ImageNet's: another first convolution and another last layer.
        (ResNet50, CIFAR, 10, "cifar", 25_557_032 - 3 * (7**2 - 3**2) * 64 - 2049 * 990),
        (ResNet50, IMAGENET, 1000, "imagenet", 25_557_032),
    ],
)
def test_parameters(architecture, shape, classes, stem, parameters):
    with torch.device("meta"):
        network = architecture(shape, classes, stem=stem)
    assert sum(parameter.numel() for parameter in network.parameters()) == parameters


def test_the_default_stem_is_that_of_cifar():
    with torch.device("meta"):
        assert ResNet18(CIFAR, 10).conv1.kernel_size == ResNet50(CIFAR, 10).conv1.kernel_size == (3, 3)


def test_torchvisions_state_names():
    shapes = {}
    for architecture in (ResNet18, ResNet50):
        with torch.device("meta"):
            state = architecture(IMAGENET, 1000, "imagenet").state_dict()
        shapes[architecture] = {name: tuple(value.shape) for name, value in state.items()}
    # 20 and 53 convolutions, each with the five tensors of its batch norm, and a linear layer.
    assert [len(found) for found in shapes.values()] == [20 * 6 + 2, 53 * 6 + 2]
    for name, shape in {
        "conv1.weight": (64, 3, 7, 7),
        "bn1.running_mean": (64,),
        "layer1.0.conv1.weight": (64, 64, 3, 3),
        "layer1.1.bn2.weight": (64,),
        "layer2.0.downsample.0.weight": (128, 64, 1, 1),
        "layer2.0.downsample.1.num_batches_tracked": (),
        "layer4.1.conv2.weight": (512, 512, 3, 3),
        "fc.weight": (1000, 512),
    }.items():
        assert shapes[ResNet18][name] == shape
    for name, shape in {
        "layer1.0.conv1.weight": (64, 64, 1, 1),
        "layer1.0.downsample.0.weight": (256, 64, 1, 1),
        "layer1.2.conv1.weight": (64, 256, 1, 1),
        "layer3.5.conv2.weight": (256, 256, 3, 3),
        "layer4.2.bn3.running_var": (2048,),
        "fc.bias": (1000,),
    }.items():
        assert shapes[ResNet50][name] == shape
    assert "layer1.0.downsample.0.weight" not in shapes[ResNet18]


@pytest.mark.parametrize(("block", "expansion"), EXPANSIONS)
@pytest.mark.parametrize(("stem", "sides"), [("cifar", [32, 16, 8, 4]), ("imagenet", [8, 4, 2, 1])])
def test_stages_halve_the_sides(block, expansion, stem, sides):
    network = shallow(block, stem)
    x = network.maxpool(network.conv1(torch.rand(1, *CIFAR)))
    shapes = []
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        x = stage(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes == [(expansion * width, side, side) for width, side in zip((64, 128, 256, 512), sides, strict=True)]


@pytest.mark.parametrize("stem", ["cifar", "imagenet"])
@pytest.mark.parametrize("channels", [1, 3])
def test_one_network_takes_images_of_any_size(stem, channels):
    network = shallow(BasicBlock, stem, channels)
    for size in [(1, 1), (7, 5), (16, 16), (17, 24)]:
        assert network(torch.rand(1, channels, *size)).shape == (1, 7)


def test_pixels_of_the_last_stage_are_averaged():
    network = shallow(BasicBlock, "cifar")
    network.layer4 = torch.nn.Identity()
    network.fc = torch.nn.Identity()
    x = torch.rand(2, 3, 12, 8)
    last = network.layer3(network.layer2(network.layer1(F.relu(network.bn1(network.conv1(x))))))
    assert last.shape == (2, 256, 3, 2)
    torch.testing.assert_close(network(x), last.flatten(2).mean(2))


@pytest.mark.parametrize(("block", "expansion"), EXPANSIONS)
def test_a_block_without_residual_is_the_relu_of_its_skip(block, expansion):
    x = torch.randn(2, 8 * expansion, 5, 4)
    same, down = block(8 * expansion, 8).eval(), block(8 * expansion, 16, stride=2).eval()
    for one in (same, down):
        torch.nn.init.zeros_(getattr(one, "bn3" if block is Bottleneck else "bn2").weight)
    assert torch.equal(same(x), F.relu(x))
    assert down.downsample is not None
    assert torch.equal(down(x), F.relu(down.downsample(x)))
    assert down(x).shape == (2, 16 * expansion, 3, 2)


def test_the_middle_convolution_of_a_bottleneck_strides():
    block = Bottleneck(8, 4, stride=2)
    assert [one.stride for one in (block.conv1, block.conv2, block.conv3)] == [(1, 1), (2, 2), (1, 1)]


def test_convolutions_are_drawn_by_the_fan_out():
    torch.manual_seed(0)
    drawn = shallow(BasicBlock, "imagenet").conv1.weight
    # Six standard errors of a sample standard deviation.
    assert drawn.std().item() == pytest.approx((2 / (49 * 64)) ** 0.5, rel=6 / (2 * drawn.numel()) ** 0.5)


@pytest.mark.parametrize("stem", ["mnist", ""])
def test_refuses_other_stems(unchecked, stem):
    with pytest.raises(InputError, match=f"stem to be 'cifar' or 'imagenet', but it is '{stem}'"):
        ResNet18(CIFAR, 10, stem=stem)


@pytest.mark.parametrize(
    "build",
    [
        lambda: ResNet18((3, 8, 8), 7),
        lambda: shallow(BasicBlock, "imagenet"),
        lambda: shallow(Bottleneck, "cifar"),
    ],
)
def test_is_captured_and_equal_for_every_batch(build):
    torch.manual_seed(0)
    network = build().eval()
    x = torch.rand(3, 3, 9, 8)
    frozen = capture(network, x).frozen()
    with torch.no_grad():
        logits = network(x)
        assert torch.equal(network(x), logits)
        scale = logits.abs().max().item()
        for batch in (x[:1], x):
            torch.testing.assert_close(frozen(batch), logits[: len(batch)], rtol=0, atol=1e-5 * max(scale, 1))
