"""Plain convolutional networks of any size."""

from torch import nn

from hauberk.errors import ShapeError
from hauberk.ranges import Checked, Count


class ConvNet(Checked, nn.Sequential):
    """Convolutions, then fully connected layers, each followed by a ReLU, with optional batch norm before it.

    Args:
        shape: (channels, height, width) of one input.
        classes: The number of logits.
        filters: The number of output channels of each convolution.
        kernels: The side of each convolution's kernel; padding is (side - 1) // 2.
        strides: The stride of each convolution.
        hidden: The sizes of the fully connected layers before the logits.
        batch_norm: True: normalise every hidden layer.

    Raises:
        ShapeError: the lists differ in length, or nothing is left of the image.
    """

    def __init__(
        self,
        shape: tuple[Count, Count, Count],
        classes: Count,
        filters: list[Count],
        kernels: list[Count],
        strides: list[Count],
        hidden: list[Count],
        batch_norm: bool = True,
    ) -> None:
        if not len(filters) == len(kernels) == len(strides):
            raise ShapeError(f"one kernel and stride a convolution, but there are {filters}, {kernels}, {strides}.")
        super().__init__()
        channels, height, width = shape
        for out, side, stride in zip(filters, kernels, strides, strict=True):
            padding = (side - 1) // 2
            height, width = ((size + 2 * padding - side) // stride + 1 for size in (height, width))
            if min(height, width) < 1:
                raise ShapeError(f"inputs of shape {tuple(shape)} leave nothing after {len(filters)} convolutions.")
            self.append(nn.Conv2d(channels, out, side, stride, padding, bias=not batch_norm))
            if batch_norm:
                self.append(nn.BatchNorm2d(out))
            self.append(nn.ReLU())
            channels = out
        self.append(nn.Flatten())
        features = channels * height * width
        for size in hidden:
            self.append(nn.Linear(features, size, bias=not batch_norm))
            if batch_norm:
                self.append(nn.BatchNorm1d(size))
            self.append(nn.ReLU())
            features = size
        self.append(nn.Linear(features, classes))
