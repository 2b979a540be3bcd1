"""l_inf-distance features under a small classifier."""

import math

from torch import nn

from hauberk.layers.distance_stack import distance_layers
from hauberk.layers.scaled_linear import ScaledLinear
from hauberk.ranges import Checked, Count, NonNegative, PositiveShare


class LinfDistMLP(Checked, nn.Sequential):
    """l_inf-distance layers, whose outputs are 1-Lipschitz features, then linear, tanh, linear.

    Certify it by bounds: a feature moves by the radius at most, and intervals lose little in two layers.

    Args:
        shape: the shape of one input, which is flattened if it has more than one dimension.
        classes: the number of logits.
        hidden: the sizes of the distance layers.
        mlp: the number of hidden units of the classifier.
        identity: the initial identity-like weights of distance layers; None for normal weights alone.
        keep: as in `LinfDistNet`.
        examples: as in `LinfDistNet`.

    Raises:
        InputError: a size is not positive, or keep out of range.

    Sources: Zhang et al. 2021; with `keep`: Zhang, Jiang, He & Wang 2022.
    """

    def __init__(
        self,
        shape: tuple[Count, ...],
        classes: Count,
        hidden: list[Count],
        mlp: Count,
        identity: NonNegative | None = 10.0,
        keep: PositiveShare = 1.0,
        examples: Count = 32,
    ) -> None:
        super().__init__()
        if len(shape) > 1:
            self.append(nn.Flatten())
        sizes = [math.prod(shape), *hidden]
        self.extend(distance_layers(sizes, identity, keep, examples))
        self.extend([ScaledLinear(sizes[-1], mlp), nn.Tanh(), ScaledLinear(mlp, classes)])
