"""l_inf-distance networks."""

import math

from jaxtyping import Float
from torch import Tensor, nn

from hauberk.layers.distance_stack import distance_layers
from hauberk.layers.logit_scale import LogitScale
from hauberk.ranges import Checked, Count, NonNegative, PositiveShare


class LinfDistNet(Checked, nn.Sequential):
    """A fully connected l_inf-distance network: every logit is 1-Lipschitz in the l_inf norm of the input.

    Hidden layers are distances followed by mean shifts, the last one distances with biases; logits are their
    negatives. In the papers `hidden` is four times 5120 for MNIST and Fashion-MNIST, five times for CIFAR-10.

    Args:
        shape: the shape of one input, which is flattened if it has more than one dimension.
        classes: the number of logits.
        hidden: the sizes of the hidden layers.
        identity: the initial identity-like weights of distance layers; None for normal weights alone.
        scaled: True to add a learnable factor for losses, `LogitScale`.
        keep: the probability with which training keeps an input of a layer behind the first, in (0, 1]: below 1, these
            layers are `SortDistance`, and the network is a SortNet.
        examples: the number of examples of a batch that keep the same inputs.

    Raises:
        InputError: a size is not positive, or keep out of range.

    Sources: Zhang et al. 2021; with `scaled`: Zhang et al. 2022; with `keep`: Zhang, Jiang, He & Wang 2022.
    """

    def __init__(
        self,
        shape: tuple[Count, ...],
        classes: Count,
        hidden: list[Count],
        identity: NonNegative | None = 10.0,
        scaled: bool = False,
        keep: PositiveShare = 1.0,
        examples: Count = 32,
    ) -> None:
        super().__init__()
        if len(shape) > 1:
            self.append(nn.Flatten())
        self.extend(distance_layers([math.prod(shape), *hidden], identity, keep, examples, classes))
        if scaled:
            self.append(LogitScale())

    def forward(self, input: Float[Tensor, "b *x"]) -> Float[Tensor, "b classes"]:
        return -super().forward(input)
