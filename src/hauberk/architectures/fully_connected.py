"""Fully connected networks of any size."""

import math
from itertools import pairwise

from torch import nn

from hauberk.ranges import Checked, Count


class FullyConnected(Checked, nn.Sequential):
    """Linear layers with a ReLU between any two: `hidden=[500]` is 784-500-10 on MNIST, 561-500-6 on HAR.

    Args:
        shape: The shape of one input, which is flattened if it has more than one dimension.
        classes: The number of logits.
        hidden: The sizes of the hidden layers; empty for a linear classifier.
    """

    def __init__(self, shape: tuple[Count, ...], classes: Count, hidden: list[Count]) -> None:
        super().__init__()
        if len(shape) > 1:
            self.append(nn.Flatten())
        sizes = [math.prod(shape), *hidden]
        for inputs, outputs in pairwise(sizes):
            self.extend([nn.Linear(inputs, outputs), nn.ReLU()])
        self.append(nn.Linear(sizes[-1], classes))
