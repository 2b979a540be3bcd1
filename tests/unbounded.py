"""A layer without bounds."""

import torch
from torch import Tensor, nn


class Sinc(nn.Module):
    """sin(pi x) / (pi x), for which no operator has a rule."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.sinc(x)
