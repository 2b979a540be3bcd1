"""Layers of l_inf-distance networks: each neuron is the distance of its inputs from its weights."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from hauberk.errors import InputError, ShapeError
from hauberk.kernels.lp_distance import lp_distance
from hauberk.ranges import Checked, Count, Natural, NonNegative

LARGEST = 1e5


class LpNeurons(Checked, nn.Module):
    """Neurons that measure l_p distances; the common part of dense and convolutional layers.

    The exponent is p = inf unless `relax` sets another: training replaces the maximum by a power mean of growing
    exponent, whose gradient reaches all weights. p belongs to the function, so it is a buffer, saved with the weights.

    Args:
        inputs: the number of inputs of a neuron.
        neurons: the number of neurons.
        identity: the initial weight of each neuron for one input of its own, with a minus sign, if inputs do not
            outnumber neurons: |x - (-10)| is x + 10 and dominates, so that the layer starts near the identity. None
            for normal weights alone.
        channels: the positions of the inputs that neurons take in turn as their own; None for all.

    Raises:
        InputError: a size is not positive, or identity is not finite.
    """

    p: Float[Tensor, ""]

    def __init__(self, inputs: int, neurons: int, identity: float | None, channels: Tensor | None = None) -> None:
        super().__init__()
        if min(inputs, neurons) < 1 or not math.isfinite(identity or 0):
            raise InputError(
                f"{type(self).__name__} needs positive sizes and a finite identity, but has {inputs} inputs, {neurons} "
                f"neurons and identity={identity}."
            )
        self.weight = nn.Parameter(torch.randn(neurons, inputs))
        channels = torch.arange(inputs) if channels is None else channels
        if identity is not None and len(channels) <= neurons:
            rows = torch.arange(neurons)
            with torch.no_grad():
                self.weight[rows, channels[rows % len(channels)]] = -identity
        self.register_buffer("p", torch.tensor(math.inf))
        self.relax(math.inf)

    def relax(self, p: float) -> None:
        """Set the exponent: in [1, LARGEST], beyond which single precision holds no powers, or infinite.

        Raises:
            InputError: p is out of range or not a number.
        """
        if not (1 <= p <= LARGEST or p == math.inf):
            raise InputError(f"p is an exponent from 1 to {LARGEST:g} or infinite, but is {p}.")
        self.p.fill_(p)
        vars(self.weight)["exponent"] = (
            p  # for optimizers that shrink weights in the same norm, without asking the device
        )

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a copy, whose weight has lost its exponent."""
        super().__setstate__(state)
        self.relax(self.p.item())

    def _load_from_state_dict(self, *given: Any) -> None:
        """Load p and weights."""
        super()._load_from_state_dict(*given)
        self.relax(self.p.item())

    def distances(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        """Return the distances of all inputs from all weights."""
        return lp_distance(x, self.weight, self.p)


class LpDistance(LpNeurons):
    """A dense layer u_o = ||x - w_o||_p, 1-Lipschitz from l_inf to l_inf at p = inf.

    Args:
        in_features: the number of inputs.
        out_features: the number of neurons.
        bias: True to add a bias to each distance.
        identity: as in `LpNeurons`.

    Raises:
        InputError: a size is not positive, or identity is not finite.

    Example:
        >>> import torch
        >>> from hauberk.layers import LpDistance
        >>> layer = LpDistance(2, 1)
        >>> layer.weight.data = torch.tensor([[3.0, 4.0]])
        >>> x = torch.zeros(1, 2)
        >>> at_infinity = layer(x).item()
        >>> layer.relax(2)
        >>> at_infinity, layer(x).item()
        (4.0, 5.0)

    Source: Zhang et al. 2021.
    """

    def __init__(
        self, in_features: Count, out_features: Count, bias: bool = False, identity: NonNegative | None = 10.0
    ) -> None:
        super().__init__(in_features, out_features, identity)
        self.bias = nn.Parameter(torch.zeros(out_features)) if bias else None

    def forward(self, x: Float[Tensor, "..."]) -> Float[Tensor, "..."]:
        u = self.distances(x)
        return u if self.bias is None else u + self.bias

    def extra_repr(self) -> str:
        neurons, inputs = self.weight.shape
        return f"{inputs}, {neurons}, bias={self.bias is not None}"


class LpDistance2d(LpNeurons):
    """A convolution that takes distances of windows from kernels; padding is by zeros.

    Windows are laid out side by side first, b * windows * in_channels * kernel_size^2 numbers.

    Args:
        in_channels: the number of channels of the input.
        out_channels: the number of kernels.
        kernel_size: the side of a kernel.
        stride: the distance between windows.
        padding: the number of zeros on each side.
        identity: as in `LpNeurons`, for the centre of a kernel.

    Raises:
        InputError: a size is not positive, or identity is not finite.
        ShapeError: the input is smaller than a kernel.
    """

    def __init__(
        self,
        in_channels: Count,
        out_channels: Count,
        kernel_size: Count,
        stride: Count = 1,
        padding: Natural = 0,
        identity: NonNegative | None = 10.0,
    ) -> None:
        if min(kernel_size, stride, padding + 1) < 1:
            raise InputError(
                f"LpDistance2d needs positive kernels and strides, but has kernel_size={kernel_size}, stride={stride}, "
                f"padding={padding}."
            )
        area = kernel_size**2
        centres = torch.arange(in_channels) * area + (kernel_size // 2) * (kernel_size + 1)
        super().__init__(in_channels * area, out_channels, identity, centres)
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c2 h2 w2"]:
        high, wide = ((n + 2 * self.padding - self.kernel_size) // self.stride + 1 for n in x.shape[2:])
        if min(high, wide) < 1:
            raise ShapeError(f"kernels of side {self.kernel_size} do not fit into inputs of shape {tuple(x.shape)}.")
        framed = F.pad(x, (self.padding,) * 4) if self.padding else x
        windows = F.unfold(framed, self.kernel_size, stride=self.stride)
        return self.distances(windows.transpose(1, 2)).transpose(1, 2).unflatten(2, (high, wide))

    def extra_repr(self) -> str:
        neurons, inputs = self.weight.shape
        sizes = f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"
        return f"{inputs // self.kernel_size**2}, {neurons}, {sizes}"
