"""Mean-shift normalisation: batch norm without a scale, which would change Lipschitz constants."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hauberk.errors import InputError, ShapeError
from hauberk.kernels.mean_shift import mean_shift, observed_mean
from hauberk.ranges import Checked, Count, PositiveShare


class MeanShift(Checked, nn.Module):
    """A layer that subtracts each channel's mean: in training the batch's, which is differentiated, else a running one.

    Args:
        channels: the number of channels, or of features.
        momentum: the share of a new batch in the running mean, in (0, 1].

    Raises:
        InputError: channels is not positive, or momentum out of range.

    Example:
        >>> import torch
        >>> from hauberk.layers import MeanShift
        >>> layer = MeanShift(1)
        >>> layer(torch.tensor([[1.0], [3.0]])).tolist()
        [[-1.0], [1.0]]
        >>> layer.eval()(torch.tensor([[1.0]]))  # the running mean moved from 0 to 0.2
        tensor([[0.8000]])

    Source: Zhang et al. 2021, section 5.
    """

    running_mean: Float[Tensor, "c"]

    def __init__(self, channels: Count, momentum: PositiveShare = 0.1) -> None:
        super().__init__()
        if channels < 1 or not 0 < momentum <= 1:
            raise InputError(
                f"MeanShift needs channels and a momentum in (0, 1], but has channels={channels}, momentum={momentum}."
            )
        self.momentum = momentum
        self.register_buffer("running_mean", torch.zeros(channels))

    def forward(self, z: Float[Tensor, "b c *s"]) -> Float[Tensor, "b c *s"]:
        if z.ndim < 2 or z.shape[1] != len(self.running_mean):
            raise ShapeError(f"MeanShift of {len(self.running_mean)} channels cannot take {tuple(z.shape)}.")
        mean = observed_mean(z, self.running_mean, self.momentum) if self.training else self.running_mean
        return mean_shift(z, mean, self.momentum)

    def extra_repr(self) -> str:
        return f"{len(self.running_mean)}, momentum={self.momentum}"
