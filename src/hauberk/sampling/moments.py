"""The mean of a network's softmax under noise, and bounds of it."""

import math

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor, nn

from hauberk.concepts.noise import Noise
from hauberk.concepts.smoothing_noise import SmoothingNoise
from hauberk.errors import InputError
from hauberk.kernels.modes import eval_mode
from hauberk.kernels.splitmix import GOLDEN, mixed

Moments = tuple[Float64[Tensor, "b k"], Float64[Tensor, "b k k"]]


@torch.no_grad()
def moments(
    network: nn.Module, noise: SmoothingNoise, x: Float[Tensor, "b *x"], streams: Noise, samples: int, rows: int = 1024
) -> Moments:
    """Return the mean of the softmax over samples of noise, and the mean of its products, for each input.

    Each pass is given about `rows` noisy inputs.

    Raises:
        InputError: there is no sample or no input.
    """
    if not (samples > 0 and len(x)):
        raise InputError(f"a mean needs inputs and samples, but there are {len(x)} and {samples}.")
    flat, seeds, size = x.detach().flatten(1), mixed(streams.keys), max(1, rows // max(1, len(x)))
    first: Tensor | float = 0.0
    second: Tensor | float = 0.0
    with eval_mode(network):
        for sample in torch.arange(samples, device=x.device).split(size):
            image = torch.arange(len(x), device=x.device).repeat_interleave(len(sample))
            keys = mixed((seeds[:, None] + (sample + 1) * GOLDEN).flatten())
            logits = network(noise.rows(flat, image, keys).view(-1, *x.shape[1:]))
            shares = logits.double().softmax(1).unflatten(0, (len(x), len(sample)))
            first = first + shares.sum(1) / samples
            second = second + shares.mT @ shares / samples
    return torch.as_tensor(first), torch.as_tensor(second)


def gaps_at_least(found: Moments, leading: Int[Tensor, "b t"], samples: int, alpha: float) -> Float64[Tensor, "b"]:
    """Return lower bounds of the least difference between a leading class's mean and another's, wrong by alpha.

    Every pair of a leading and another class is bounded with its share of alpha.

    Source: Maurer & Pontil 2009, theorem 4, for differences of numbers in [0, 1].
    """
    mean, products = found
    k, top = mean.shape[1], leading.shape[1]
    variance = products - mean[:, :, None] * mean[:, None]
    own = variance.diagonal(dim1=1, dim2=2)
    spread = (own[:, :, None] + own[:, None] - 2 * variance).clamp(min=0) * (samples / max(samples - 1, 1))
    log = math.log(2 * top * max(k - top, 1) / alpha)
    slack = (2 * spread * log / samples).sqrt() + 2 * 7 * log / (3 * max(samples - 1, 1))
    least = mean[:, :, None] - mean[:, None] - slack
    inside = torch.zeros_like(mean, dtype=torch.bool).scatter(1, leading, value=True)
    pairs = inside[:, :, None] & ~inside[:, None]
    return least.masked_fill(~pairs, math.inf).amin((1, 2))
