"""Inputs rounded to 0 or 1, as the first layer of a network."""

import math

from jaxtyping import Float
from torch import Tensor, nn

from hauberk.errors import InputError
from hauberk.ranges import Checked


class Binarize(Checked, nn.Module):
    """A layer that maps what exceeds a threshold to 1, all else to 0; NaN and infinite values become NaN.

    Its derivative is 0 wherever there is one, so gradients pass straight through it instead, as if it returned its
    input: attacks and training of layers in front of it would have no signal otherwise. That gradient is of another
    function, and an attack that follows it may miss errors which gradient-free ones find. A step has no slope that
    bounds could follow either: `capture` refuses it, and verifiers do not apply.

    Args:
        threshold: the largest value that becomes 0, in units of the input.

    Raises:
        InputError: threshold is not finite.

    Example:
        >>> import torch
        >>> from hauberk.layers import Binarize
        >>> Binarize()(torch.tensor([0.0, 0.4, 0.5, 0.6, 1.0]))
        tensor([0., 0., 0., 1., 1.])

    Source: Bengio, Léonard & Courville 2013 for the gradient; Schott et al. 2019 and Wong, Schmidt & Kolter 2019 for
    networks on binarised inputs.
    """

    def __init__(self, threshold: float = 0.5) -> None:
        super().__init__()
        if not math.isfinite(threshold):
            raise InputError(
                f"Binarize needs a finite threshold between the inputs that it tells apart, not {threshold}."
            )
        self.threshold = threshold

    def forward(self, x: Float[Tensor, "b *x"]) -> Float[Tensor, "b *x"]:
        return (x > self.threshold).to(x.dtype) + (x - x.detach())  # adds 0, with the gradient of x

    def extra_repr(self) -> str:
        return f"threshold={self.threshold:g}"


class Binarized(Checked, nn.Sequential):
    """A network on binarised inputs: `nn.Sequential(Binarize(threshold), network)`.

    For recipes, where the network is given the data's shape and classes just as without it.

    Args:
        network: the network that receives the binarised inputs.
        threshold: as in `Binarize`.

    Raises:
        InputError: as in `Binarize`.
    """

    def __init__(self, network: nn.Module, threshold: float = 0.5) -> None:
        super().__init__(Binarize(threshold), network)
