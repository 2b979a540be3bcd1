"""Fully connected layers with weights of variance 1."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from hauberk.ranges import Checked, Count


class ScaledLinear(Checked, nn.Module):
    """A layer weight @ x / sqrt(inputs) + bias, with normal weights and zero biases at first.

    The factor is not part of the weights, so that steps of an adaptive optimizer, too, are scaled by it.

    Args:
        in_features: the number of inputs.
        out_features: the number of outputs.

    Source: the released code of Zhang et al. 2021, for the layers on top of l_inf-distance features.
    """

    def __init__(self, in_features: Count, out_features: Count) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_features, in_features))
        self.bias = nn.Parameter(torch.zeros(out_features))

    def forward(self, x: Float[Tensor, "b *s in"]) -> Float[Tensor, "b *s out"]:
        return F.linear(x * self.weight.shape[1] ** -0.5, self.weight, self.bias)

    def extra_repr(self) -> str:
        neurons, inputs = self.weight.shape
        return f"{inputs}, {neurons}"
