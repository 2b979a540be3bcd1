"""The seven-layer network of certified training with interval and linear bounds."""

from torch import nn

from hauberk.ranges import Checked, Count


class CNN7(Checked, nn.Sequential):
    """Five convolutions and two linear layers, batch norm after all but the last.

    It has 13,259,338 parameters for (1, 28, 28) and 10 classes, and 17,192,650 for (3, 32, 32).

    Args:
        shape: (channels, height, width) of one input. The one stride of 2 rounds odd sizes up.
        classes: The number of logits.

    Source: Shi et al. 2021, "CNN-7"; the recipe of CTBench (Mao et al. 2024).
    """

    def __init__(self, shape: tuple[Count, Count, Count], classes: Count) -> None:
        channels, height, width = shape
        layers: list[nn.Module] = []
        for inputs, outputs, stride in [(channels, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1), (128, 128, 1)]:
            layers += [nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
        pixels = ((height + 1) // 2) * ((width + 1) // 2)
        super().__init__(
            *layers,
            nn.Flatten(),
            nn.Linear(128 * pixels, 512),
            nn.BatchNorm1d(512),
            nn.ReLU(),
            nn.Linear(512, classes),
        )
