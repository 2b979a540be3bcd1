"""The network whose activations measure perceptual distances."""

from torch import nn

from hauberk.errors import ShapeError
from hauberk.ranges import Checked, Count


class AlexNet(Checked, nn.Sequential):
    """Five convolutions, three poolings and a linear layer: AlexNet's features for small images.

    Perceptual distances compare the outputs of its five ReLUs.

    Args:
        shape: (channels, height, width) of one input; height and width are at least 16.
        classes: the number of logits.
        width: the number of filters of the first convolution; the others have 3, 6, 4 and 4 times as many.

    Raises:
        ShapeError: height or width is below 16.

    Example:
        >>> import torch
        >>> from hauberk.architectures import AlexNet
        >>> AlexNet((3, 32, 32), classes=10, width=8)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 10])

    Sources: Krizhevsky, Sutskever & Hinton 2012; for images of 32 x 32, Laidlaw, Singla & Feizi 2021.
    """

    def __init__(self, shape: tuple[Count, Count, Count], classes: Count, width: Count = 64) -> None:
        channels, height, columns = shape
        if min(height, columns) < 16:
            raise ShapeError(f"AlexNet halves images four times, so sides are at least 16, but the shape is {shape}.")
        pixels = ((height + 1) // 2 // 8) * ((columns + 1) // 2 // 8)
        super().__init__(
            nn.Conv2d(channels, width, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(width, 3 * width, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(3 * width, 6 * width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(6 * width, 4 * width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(4 * width, 4 * width, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(4 * width * pixels, classes),
        )
