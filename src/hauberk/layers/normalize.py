"""Input normalisation as the first layer of a network."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hauberk.errors import InputError
from hauberk.ranges import Checked, Positive


class Normalize(Checked, nn.Module):
    """A layer that subtracts each channel's mean and divides by its standard deviation.

    Use it as a network's first layer, `nn.Sequential(Normalize(mean, std), network)`: normalising inside keeps the
    inputs, and so every radius, in units of the pixels. Mean and std are constants: they follow the module to any
    device and precision, but are not part of its `state_dict`.

    Args:
        mean: one number per channel, in units of the input (pixels in [0, 1]).
        std: one positive number per channel, in the same units.

    Raises:
        InputError: mean and std differ in length, are empty, not finite, or a standard deviation is not positive.

    Example:
        >>> import torch
        >>> from hauberk.layers import Normalize
        >>> layer = Normalize(mean=[0.5], std=[0.25])
        >>> layer(torch.tensor([[[[0.0, 1.0]]]]))
        tensor([[[[-2.,  2.]]]])
    """

    mean: Float[Tensor, "c 1 1"]
    std: Float[Tensor, "c 1 1"]

    def __init__(self, mean: list[float], std: list[Positive]) -> None:
        super().__init__()
        if len(mean) != len(std) or len(mean) == 0:
            raise InputError(
                f"Normalize needs one mean and one std per channel, but has {len(mean)} and {len(std)}; "
                "give both the same number."
            )
        if not all(math.isfinite(value) for value in [*mean, *std]) or min(std) <= 0:
            raise InputError(
                f"Normalize needs finite means and positive finite stds, but has mean={mean}, std={std}; "
                "leave channels without variance as they are: mean 0, std 1."
            )
        self.deviations = list(std)
        self.register_buffer(
            "mean", torch.tensor(mean, dtype=torch.get_default_dtype())[:, None, None], persistent=False
        )
        self.register_buffer("std", torch.tensor(std, dtype=torch.get_default_dtype())[:, None, None], persistent=False)

    @property
    def deviation(self) -> float:
        """The standard deviation of all channels.

        Raises:
            InputError: channels have different ones, which distort the l_inf norm.
        """
        if len(set(self.deviations)) > 1:
            raise InputError(
                f"Normalize has std={self.deviations}: networks whose radius is a margin need one for all channels."
            )
        return self.deviations[0]

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
        return (x - self.mean) / self.std

    def extra_repr(self) -> str:
        return f"mean={self.mean.flatten().tolist()}, std={self.std.flatten().tolist()}"


class Normalized(Checked, nn.Sequential):
    """A network preceded by the normalisation of its inputs: `nn.Sequential(Normalize(mean, std), network)`.

    For recipes, where the network is given the data's shape and classes just as without it.

    Args:
        mean: one number per channel, in units of the input (pixels in [0, 1]).
        std: one positive number per channel, in the same units.
        network: the network that receives the normalised inputs.

    Raises:
        InputError: as in `Normalize`.
    """

    def __init__(self, mean: list[float], std: list[Positive], network: nn.Module) -> None:
        super().__init__(Normalize(mean, std), network)
