"""l_inf-distance networks."""

import math
from itertools import pairwise

from jaxtyping import Float
from torch import Tensor, nn

from hauberk.layers.logit_scale import LogitScale
from hauberk.layers.lp_distance import LpDistance
from hauberk.layers.mean_shift import MeanShift


class LinfDistNet(nn.Sequential):
    """A fully connected l_inf-distance network: every logit is 1-Lipschitz in the l_inf norm of the input.

    Hidden layers are distances followed by mean shifts, the last one distances with biases; logits are their
    negatives. In the papers `hidden` is four times 5120 for MNIST and Fashion-MNIST, five times for CIFAR-10.

    Args:
        shape: the shape of one input, which is flattened if it has more than one dimension.
        classes: the number of logits.
        hidden: the sizes of the hidden layers.
        identity: the initial identity-like weights of distance layers; None for normal weights alone.
        scaled: True to add a learnable factor for losses, `LogitScale`.

    Sources: Zhang et al. 2021; with `scaled`: Zhang et al. 2022.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        classes: int,
        hidden: list[int],
        identity: float | None = 10.0,
        scaled: bool = False,
    ) -> None:
        super().__init__()
        if len(shape) > 1:
            self.append(nn.Flatten())
        sizes = [math.prod(shape), *hidden]
        for inputs, outputs in pairwise(sizes):
            self.extend([LpDistance(inputs, outputs, identity=identity), MeanShift(outputs)])
        self.append(LpDistance(sizes[-1], classes, bias=True, identity=identity))
        if scaled:
            self.append(LogitScale())

    def forward(self, input: Float[Tensor, "b *x"]) -> Float[Tensor, "b classes"]:
        return -super().forward(input)
