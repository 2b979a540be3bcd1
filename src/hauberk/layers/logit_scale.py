"""A factor on logits for losses alone."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hauberk.ranges import Checked, Positive


class LogitScale(Checked, nn.Module):
    """A learnable factor by which a training loss multiplies logits; the layer itself returns them unchanged.

    It alters neither predictions nor margins, which certificates compare with radii in units of the input. The
    objective `ScaledMargin` looks for it.

    Args:
        factor: the initial factor.

    Source: Zhang et al. 2022 (Boosting the certified robustness of l_infinity distance nets).
    """

    def __init__(self, factor: Positive = 1.0) -> None:
        super().__init__()
        self.factor = nn.Parameter(torch.tensor(factor))

    def forward(self, logits: Float[Tensor, "b classes"]) -> Float[Tensor, "b classes"]:
        return logits
