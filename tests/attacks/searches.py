"""What tests of searches share: a linear network whose distances are known, and a record of what it was shown."""

import torch
from torch import Tensor, nn

from hauberk.concepts.noise import Noise

DTYPE = torch.float64


def linear(shape: tuple[int, ...], seed: int, margin: float, center: float = 0.5, dtype: torch.dtype = DTYPE):
    """Return a network of two classes, whose class 0 wins at `center` by `margin`, and its normal towards class 1."""
    module = nn.Sequential(nn.Flatten(), nn.Linear(torch.Size(shape).numel(), 2, dtype=dtype)).requires_grad_(False)
    weight = torch.randn(module[1].weight.shape, generator=torch.Generator().manual_seed(seed), dtype=DTYPE)
    module[1].weight.copy_(weight)
    normal = (weight[1] - weight[0]).to(dtype)
    module[1].bias.copy_(torch.tensor([margin + center * normal.sum().item(), 0.0]))
    return module, normal


def noise(examples: int, seed: int = 0) -> Noise:
    return Noise.of(seed, torch.arange(examples))


def interior(examples: int, shape: tuple[int, ...], seed: int, dtype: torch.dtype = DTYPE) -> Tensor:
    """Return inputs in [0.3, 0.7]."""
    x = torch.rand(examples, *shape, generator=torch.Generator().manual_seed(seed), dtype=DTYPE)
    return (0.3 + 0.4 * x).to(dtype)


class Recording:
    """A network that remembers what it was shown."""

    def __init__(self, module):
        self.module, self.shown = module, []

    def __call__(self, z):
        self.shown.append(z.clone())
        return self.module(z)
