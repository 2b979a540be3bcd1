"""The max-pooled convolutional networks of adversarial training on MNIST."""

from torch import nn

from hauberk.errors import ShapeError
from hauberk.ranges import Checked, Count


class MadryCNN(Checked, nn.Sequential):
    """Two convolutions, each max-pooled, and two linear layers; 3,274,634 parameters for (1, 28, 28) and 10 classes.

    Args:
        shape: (channels, height, width) of one input. Pooling by 2 rounds odd sizes down.
        classes: The number of logits.

    Raises:
        ShapeError: height or width is below 4, so that nothing is left of the image.

    Source: Madry et al. 2018, MNIST; with several threats: Maini et al. 2020.
    """

    def __init__(self, shape: tuple[Count, Count, Count], classes: Count) -> None:
        channels, height, width = _at_least(4, shape)
        super().__init__(
            nn.Conv2d(channels, 32, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(64 * (height // 4) * (width // 4), 1024),
            nn.ReLU(),
            nn.Linear(1024, classes),
        )


class CarliniWagnerCNN(Checked, nn.Sequential):
    """Two pairs of convolutions without padding, each max-pooled, and three linear layers.

    It has 312,202 parameters for (1, 28, 28) and 10 classes.

    Args:
        shape: (channels, height, width) of one input. Pooling by 2 rounds odd sizes down.
        classes: The number of logits.

    Raises:
        ShapeError: height or width is below 16, so that nothing is left of the image.

    Source: Carlini & Wagner 2017, Table I, MNIST; without dropout.
    """

    def __init__(self, shape: tuple[Count, Count, Count], classes: Count) -> None:
        channels, height, width = _at_least(16, shape)
        rows, columns = (((size - 4) // 2 - 4) // 2 for size in (height, width))
        super().__init__(
            nn.Conv2d(channels, 32, 3),
            nn.ReLU(),
            nn.Conv2d(32, 32, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3),
            nn.ReLU(),
            nn.Conv2d(64, 64, 3),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Flatten(),
            nn.Linear(64 * rows * columns, 200),
            nn.ReLU(),
            nn.Linear(200, 200),
            nn.ReLU(),
            nn.Linear(200, classes),
        )


def _at_least(side: int, shape: tuple[int, int, int]) -> tuple[int, int, int]:
    if min(shape[1:]) < side:
        raise ShapeError(
            f"height and width must be at least {side}, but shape is {tuple(shape)}; pad or resize the images."
        )
    return shape
