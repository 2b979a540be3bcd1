"""The small, large and residual networks of provably robust training."""

from jaxtyping import Float
from torch import Tensor, nn

from hauberk.errors import ShapeError
from hauberk.ranges import Checked, Count


class Small(Checked, nn.Sequential):
    """Two convolutions and two linear layers; 166,406 parameters for (1, 28, 28) and 10 classes.

    Args:
        shape: (channels, height, width) of one input; height and width are multiples of 4.
        classes: The number of logits.
        kaiming: True: draw each convolution's weights with variance 2 / (kernel area * output channels) and set its
            bias to zero, as the paper's code does for CIFAR-10; False: keep torch's defaults.

    Raises:
        ShapeError: height or width is not a multiple of 4.

    Example:
        >>> import torch
        >>> from hauberk.architectures import Small
        >>> network = Small((1, 28, 28), classes=10)
        >>> network(torch.zeros(2, 1, 28, 28)).shape
        torch.Size([2, 10])
        >>> sum(parameter.numel() for parameter in network.parameters())
        166406

    Source: Wong, Schmidt, Metzen & Kolter 2018, "small".
    """

    def __init__(self, shape: tuple[Count, Count, Count], classes: Count, kaiming: bool = False) -> None:
        channels, pixels = _quartered(shape)
        super().__init__(
            nn.Conv2d(channels, 16, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(16, 32, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(32 * pixels, 100),
            nn.ReLU(),
            nn.Linear(100, classes),
        )
        if kaiming:
            _initialize_convolutions(self)


class Large(Checked, nn.Sequential):
    """Four convolutions and three linear layers; 1,974,762 parameters for (1, 28, 28) and 10 classes.

    Args:
        shape: (channels, height, width) of one input; height and width are multiples of 4.
        classes: The number of logits.
        kaiming: As in `Small`.

    Raises:
        ShapeError: height or width is not a multiple of 4.

    Source: Wong, Schmidt, Metzen & Kolter 2018, "large".
    """

    def __init__(self, shape: tuple[Count, Count, Count], classes: Count, kaiming: bool = False) -> None:
        channels, pixels = _quartered(shape)
        super().__init__(
            nn.Conv2d(channels, 32, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 32, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(32, 64, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(64, 64, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(64 * pixels, 512),
            nn.ReLU(),
            nn.Linear(512, 512),
            nn.ReLU(),
            nn.Linear(512, classes),
        )
        if kaiming:
            _initialize_convolutions(self)


class ResidualNet(Checked, nn.Sequential):
    """A convolution, four residual blocks and two linear layers; 3,254,562 parameters for (1, 28, 28) and 10 classes.

    There is no batch norm.

    Args:
        shape: (channels, height, width) of one input; height and width are multiples of 4.
        classes: The number of logits.
        kaiming: As in `Small`.

    Raises:
        ShapeError: height or width is not a multiple of 4.

    Source: Wong, Schmidt, Metzen & Kolter 2018, "resnet".
    """

    def __init__(self, shape: tuple[Count, Count, Count], classes: Count, kaiming: bool = False) -> None:
        channels, pixels = _quartered(shape)
        super().__init__(
            nn.Conv2d(channels, 16, 3, padding=1),
            nn.ReLU(),
            ResidualBlock(16, 16),
            nn.ReLU(),
            ResidualBlock(16, 16),
            nn.ReLU(),
            ResidualBlock(16, 32, down=True),
            nn.ReLU(),
            ResidualBlock(32, 64, down=True),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(64 * pixels, 1000),
            nn.ReLU(),
            nn.Linear(1000, classes),
        )
        if kaiming:
            _initialize_convolutions(self)


class ResidualBlock(nn.Module):
    """The sum of two convolutions with a ReLU between them and a convolution that skips them.

    Args:
        inputs: The number of input channels.
        outputs: The number of output channels.
        down: True: halve height and width.
    """

    def __init__(self, inputs: int, outputs: int, down: bool = False) -> None:
        super().__init__()
        kernel, stride = (4, 2) if down else (3, 1)
        self.main = nn.Sequential(
            nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=1),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1),
        )
        self.skip = nn.Conv2d(inputs, outputs, stride, stride=stride)

    def forward(self, x: Float[Tensor, "b inputs h w"]) -> Float[Tensor, "b outputs h2 w2"]:
        return self.main(x) + self.skip(x)


def _quartered(shape: tuple[int, int, int]) -> tuple[int, int]:
    """Return the number of channels, and of the pixels left after halving height and width twice."""
    channels, height, width = shape
    if height % 4 or width % 4:
        raise ShapeError(
            f"this network halves height and width twice, so both must be multiples of 4, but shape is {tuple(shape)}; "
            "pad or resize the images."
        )
    return channels, (height // 4) * (width // 4)


def _initialize_convolutions(network: nn.Module) -> None:
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
