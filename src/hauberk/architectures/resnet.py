"""The residual networks of CIFAR-10 and ImageNet."""

from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from hauberk.errors import InputError
from hauberk.ranges import Checked, Count

Stem = Literal["cifar", "imagenet"]


class BasicBlock(nn.Module):
    """Two 3 x 3 convolutions with batch norm, added to the input or to its projection; a ReLU after the sum.

    Args:
        inputs: The number of input channels.
        width: The number of output channels.
        stride: The stride of the first convolution and of the projection.
    """

    expansion = 1

    def __init__(self, inputs: int, width: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, width, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.downsample = _projection(inputs, width, stride)

    def forward(self, x: Float[Tensor, "b inputs h w"]) -> Float[Tensor, "b outputs h2 w2"]:
        skip = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(x)) + skip)


class Bottleneck(nn.Module):
    """A 3 x 3 convolution between two 1 x 1, the last to four times the width; the rest as in `BasicBlock`.

    The 3 x 3 convolution has the stride, as in the published weights; in the paper it is the first one.

    Args:
        inputs: The number of input channels.
        width: The number of channels in between; there are four times as many output channels.
        stride: The stride of the second convolution and of the projection.
    """

    expansion = 4

    def __init__(self, inputs: int, width: int, stride: int = 1) -> None:
        super().__init__()
        outputs = self.expansion * width
        self.conv1 = nn.Conv2d(inputs, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = _projection(inputs, outputs, stride)

    def forward(self, x: Float[Tensor, "b inputs h w"]) -> Float[Tensor, "b outputs h2 w2"]:
        skip = x if self.downsample is None else self.downsample(x)
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.relu(self.bn2(self.conv2(x)))
        return F.relu(self.bn3(self.conv3(x)) + skip)


class ResNet(Checked, nn.Module):
    """A stem, four stages of blocks, the mean over all pixels and a linear layer, for images of any size.

    The modules have torchvision's names, so that weights published for it load. Convolutions are initialised with
    variance 2 / (kernel area * output channels).

    Args:
        block: The class of the blocks.
        blocks: The number of blocks in each stage.
        shape: (channels, height, width) of one input; only the channels matter.
        classes: The number of logits.
        stem: "cifar" for a 3 x 3 convolution, which keeps the size; "imagenet" for a 7 x 7 convolution of stride 2 and
            max pooling, which divide height and width by four.

    Raises:
        InputError: stem is neither "cifar" nor "imagenet".

    Source: He et al. 2016, "Deep residual learning for image recognition".
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        blocks: tuple[int, int, int, int],
        shape: tuple[int, int, int],
        classes: int,
        stem: Stem,
    ) -> None:
        super().__init__()
        if stem == "cifar":
            self.conv1 = nn.Conv2d(shape[0], 64, 3, padding=1, bias=False)
            self.maxpool = nn.Identity()
        elif stem == "imagenet":
            self.conv1 = nn.Conv2d(shape[0], 64, 7, stride=2, padding=3, bias=False)
            self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        else:
            raise InputError(f'stem must be "cifar" or "imagenet", but is {stem!r}.')
        self.bn1 = nn.BatchNorm2d(64)
        outputs = [64, *(block.expansion * width for width in (64, 128, 256, 512))]
        self.layer1 = _stage(block, blocks[0], outputs[0], 64, stride=1)
        self.layer2 = _stage(block, blocks[1], outputs[1], 128, stride=2)
        self.layer3 = _stage(block, blocks[2], outputs[2], 256, stride=2)
        self.layer4 = _stage(block, blocks[3], outputs[3], 512, stride=2)
        self.fc = nn.Linear(outputs[4], classes)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b classes"]:
        x = self.maxpool(F.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean((2, 3)))


class ResNet18(ResNet):
    """Eight basic blocks; 11,173,962 parameters for (3, 32, 32), 10 classes and the stem of CIFAR-10.

    It has 11,689,512 for (3, 224, 224), 1000 classes and the stem of ImageNet.

    Args:
        shape: (channels, height, width) of one input; only the channels matter.
        classes: The number of logits.
        stem: "cifar" or "imagenet", as in `ResNet`.

    Raises:
        InputError: stem is neither "cifar" nor "imagenet".
    """

    def __init__(self, shape: tuple[Count, Count, Count], classes: Count, stem: Stem = "cifar") -> None:
        super().__init__(BasicBlock, (2, 2, 2, 2), shape, classes, stem)


class ResNet34(ResNet):
    """Sixteen basic blocks; 21,282,122 parameters for (3, 32, 32), 10 classes and the stem of CIFAR-10.

    It has 21,797,672 for (3, 224, 224), 1000 classes and the stem of ImageNet.

    Args:
        shape: (channels, height, width) of one input; only the channels matter.
        classes: The number of logits.
        stem: "cifar" or "imagenet", as in `ResNet`.

    Raises:
        InputError: stem is neither "cifar" nor "imagenet".
    """

    def __init__(self, shape: tuple[Count, Count, Count], classes: Count, stem: Stem = "cifar") -> None:
        super().__init__(BasicBlock, (3, 4, 6, 3), shape, classes, stem)


class ResNet50(ResNet):
    """Sixteen bottlenecks; 23,520,842 parameters for (3, 32, 32), 10 classes and the stem of CIFAR-10.

    It has 25,557,032 for (3, 224, 224), 1000 classes and the stem of ImageNet.

    Args:
        shape: (channels, height, width) of one input; only the channels matter.
        classes: The number of logits.
        stem: "cifar" or "imagenet", as in `ResNet`.

    Raises:
        InputError: stem is neither "cifar" nor "imagenet".
    """

    def __init__(self, shape: tuple[Count, Count, Count], classes: Count, stem: Stem = "cifar") -> None:
        super().__init__(Bottleneck, (3, 4, 6, 3), shape, classes, stem)


def _stage(
    block: type[BasicBlock] | type[Bottleneck], blocks: int, inputs: int, width: int, stride: int
) -> nn.Sequential:
    first, outputs = block(inputs, width, stride), block.expansion * width
    return nn.Sequential(first, *(block(outputs, width) for _ in range(blocks - 1)))


def _projection(inputs: int, outputs: int, stride: int) -> nn.Sequential | None:
    """Return the 1 x 1 convolution with batch norm that fits a block's input to its sum; None if it already fits."""
    if stride == 1 and inputs == outputs:
        return None
    return nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))
