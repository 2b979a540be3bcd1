"""The pre-activation residual network of adversarial training on CIFAR-10."""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from hauberk.errors import ShapeError
from hauberk.ranges import Checked, Count


class PreActResNet18(Checked, nn.Module):
    """Eighteen layers in four stages of 64 to 512 channels; 11,172,170 parameters for (3, 32, 32) and 10 classes.

    Args:
        shape: (channels, height, width) of one input; height and width are multiples of 32.
        classes: The number of logits.

    Raises:
        ShapeError: height or width is not a multiple of 32.

    Source: He et al. 2016, "Identity mappings in deep residual networks"; final batch norm: Wong et al. 2020.
    """

    def __init__(self, shape: tuple[Count, Count, Count], classes: Count) -> None:
        super().__init__()
        channels, height, width = shape
        if height % 32 or width % 32:
            raise ShapeError(
                "PreActResNet18 halves height and width three times and averages 4 x 4 pixels, so both must be "
                f"multiples of 32, but shape is {tuple(shape)}; pad or resize the images."
            )
        self.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
        self.layer1 = nn.Sequential(PreActBlock(64, 64), PreActBlock(64, 64))
        self.layer2 = nn.Sequential(PreActBlock(64, 128, stride=2), PreActBlock(128, 128))
        self.layer3 = nn.Sequential(PreActBlock(128, 256, stride=2), PreActBlock(256, 256))
        self.layer4 = nn.Sequential(PreActBlock(256, 512, stride=2), PreActBlock(512, 512))
        self.bn = nn.BatchNorm2d(512)
        self.linear = nn.Linear(512 * (height // 32) * (width // 32), classes)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b classes"]:
        x = self.layer4(self.layer3(self.layer2(self.layer1(self.conv1(x)))))
        x = F.avg_pool2d(F.relu(self.bn(x)), 4)
        return self.linear(x.flatten(1))


class PreActBlock(nn.Module):
    """Two 3 x 3 convolutions, each after batch norm and ReLU, added to the input or to its projection.

    Args:
        inputs: The number of input channels.
        outputs: The number of output channels.
        stride: The stride of the first convolution and of the projection.
    """

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        # A Sequential of one layer: released weights name the projection "shortcut.0".
        self.shortcut = None
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False))

    def forward(self, x: Float[Tensor, "b inputs h w"]) -> Float[Tensor, "b outputs h2 w2"]:
        activated = F.relu(self.bn1(x))
        skip = x if self.shortcut is None else self.shortcut(activated)
        return skip + self.conv2(F.relu(self.bn2(self.conv1(activated))))
