"""The mean shift as an operator of its own, by which captured networks know it."""

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.kernels.batch_statistics import batch_mean, move

LIBRARY = torch.library.Library("hauberk", "FRAGMENT")
LIBRARY.define("mean_shift(Tensor z, Tensor mean, float momentum) -> Tensor")


def mean_shift(z: Float[Tensor, "b c *s"], mean: Float[Tensor, "c"], momentum: float) -> Float[Tensor, "b c *s"]:
    """Return z minus its channels' means; `momentum` is what training passes of a captured network need."""
    return torch.ops.hauberk.mean_shift(z, mean, momentum)


def shifted(z: Tensor, mean: Tensor, momentum: float) -> Tensor:
    """Return the same from torch's own operations, which differentiate it."""
    return z - mean.view(-1, *(1,) * (z.ndim - 2))


for key in ("CompositeExplicitAutograd", "Autograd", "Meta"):
    LIBRARY.impl("mean_shift", shifted, key)


def observed_mean(z: Float[Tensor, "b c *s"], running: Float[Tensor, "c"], momentum: float) -> Float[Tensor, "c"]:
    """Return the mean of a batch, over all processes while they share statistics, and move the running one."""
    mean = batch_mean(z)
    with torch.no_grad():
        move(running, mean, momentum)
    return mean
