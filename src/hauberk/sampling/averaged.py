"""A network averaged over noise."""

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from hauberk.concepts.noise import Noise
from hauberk.concepts.smoothing_noise import SmoothingNoise
from hauberk.errors import InputError

ROWS = 4096
"""Noisy inputs that a pass with gradients keeps; what is beyond is computed anew in the backward pass."""


class Averaged(nn.Module):
    """The logarithm of the mean of a network's softmax over samples of noise: what attacks on a smoothed network climb.

    The samples are drawn once, by the seed, and are the same for all inputs and calls, so that this is a function like
    any other, of which attacks may ask values and slopes. Its cross-entropy is that of SmoothAdv, -log of the mean.

    Args:
        network: the network.
        noise: is added to the inputs.
        samples: the number of samples.
        seed: draws them.

    Raises:
        InputError: there is no sample.

    Source: Salman et al. 2019, equation 3 and section 2.2.
    """

    def __init__(self, network: nn.Module, noise: SmoothingNoise, samples: int, seed: int = 0) -> None:
        if samples < 1:
            raise InputError(f"an average over noise needs a sample, but samples is {samples}.")
        super().__init__()
        self.network, self.noise, self.samples, self.seed = network, noise, samples, seed

    def forward(self, x: Float[Tensor, "b *x"]) -> Float[Tensor, "b classes"]:
        flat = x.new_zeros(1, x.shape[1:].numel())
        keys = Noise.of(self.seed, torch.arange(self.samples, device=x.device)).keys
        drawn = self.noise.rows(flat, torch.zeros_like(keys), keys).view(self.samples, 1, *x.shape[1:])
        size = max(1, ROWS // max(1, len(x)))
        parts = drawn.split(size)
        if len(parts) == 1 or not torch.is_grad_enabled():
            total = torch.stack([self.shares(x, part) for part in parts]).sum(0)
        else:
            total = torch.stack([checkpoint(self.shares, x, part, use_reentrant=False) for part in parts]).sum(0)
        return (total / self.samples).clamp(min=torch.finfo(total.dtype).tiny).log()

    def shares(self, x: Float[Tensor, "b *x"], drawn: Float[Tensor, "s 1 *x"]) -> Float[Tensor, "b classes"]:
        """Return the sum over some samples of the softmax."""
        logits = self.network((x + drawn).flatten(0, 1))
        return logits.unflatten(0, (len(drawn), len(x))).softmax(2).sum(0)
