"""Convolutional l_inf-distance features under a small classifier."""

from torch import nn

from hauberk.layers.lp_distance import LpDistance, LpDistance2d
from hauberk.layers.mean_shift import MeanShift
from hauberk.layers.scaled_linear import ScaledLinear
from hauberk.ranges import Checked, Count, NonNegative


class LinfDistConvNet(Checked, nn.Sequential):
    """Five 3 x 3 l_inf-distance convolutions with mean shifts, a distance layer, then linear, tanh, linear.

    The convolutions have w, w, 2w (stride 2), 2w and 2w channels with w = 32 * width.

    Args:
        shape: the shape of one input, (channels, height, width).
        classes: the number of logits.
        width: the factor of the numbers of channels, 3 in the paper.
        features: the size of the distance layer, 1024 in the released script.
        mlp: the number of hidden units of the classifier.
        identity: the initial identity-like weights of distance layers; None for normal weights alone.

    Raises:
        InputError: a size is not positive.

    Source: the released code of Zhang et al. 2021.
    """

    def __init__(
        self,
        shape: tuple[Count, Count, Count],
        classes: Count,
        width: Count = 3,
        features: Count = 1024,
        mlp: Count = 512,
        identity: NonNegative | None = 10.0,
    ) -> None:
        super().__init__()
        channels, w = shape[0], 32 * width
        for outputs, stride in ((w, 1), (w, 1), (2 * w, 2), (2 * w, 1), (2 * w, 1)):
            self.append(LpDistance2d(channels, outputs, 3, stride, padding=1, identity=identity))
            self.append(MeanShift(outputs))
            channels = outputs
        self.append(nn.Flatten())
        sides = [(side + 1) // 2 for side in shape[1:]]
        self.extend([LpDistance(channels * sides[0] * sides[1], features, identity=identity), MeanShift(features)])
        self.extend([ScaledLinear(features, mlp), nn.Tanh(), ScaledLinear(mlp, classes)])
