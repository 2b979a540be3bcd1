"""Changes that a network hardly perceives."""

import json
from dataclasses import dataclass, replace
from math import inf
from zlib import crc32

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hauberk.concepts.cases import Cases
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.radius import named, radii, radius, require_within, rounded
from hauberk.identity import identity
from hauberk.layers.perceptual_features import Features
from hauberk.ranges import NonNegative, Span
from hauberk.sets.perceptual_set import PerceptualSet


@dataclass(frozen=True)
class Perceptual(ThreatModel):
    """The threat that an image changes by up to eps in the distance between a network's activations (LPIPS).

    Activations are of unit length at each position: `layers.Features`. The network may be the attacked one, but
    defences compare only where all are judged by the same other one: whoever trains the network shapes the ball.

    Args:
        network: any network of images, run in eval mode and in the precision of its parameters.
        eps: the radius: a number, a fraction as text, or a tensor (b,) with one radius per example. With L layers, no
            image is farther than 2 * sqrt(L) away, sqrt(2 * L) if activations are not negative.
        layers: the names of the modules whose outputs are compared; None for all activations like ReLU.
        within: the range of valid inputs; None if every number is valid.

    Raises:
        InputError: eps is negative, not finite or not a number, or the network has no such layers.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.threats import Perceptual
        >>> S = Perceptual(nn.Sequential(nn.Identity(), nn.ReLU()), eps=0.5).at(torch.tensor([[0.6, 0.8]]))
        >>> S.distance(torch.tensor([[0.3, 0.4]])), S.distance(torch.tensor([[0.8, 0.6]]))
        (tensor([0.]), tensor([0.2828]))

    Source: Laidlaw, Singla & Feizi 2021; eps 0.5 and, to train for it, 0.5 on CIFAR-10.
    """

    network: nn.Module
    eps: NonNegative | str | Float[Tensor, "b"] = 0.5
    layers: list[str] | None = None
    within: Span | None = (0.0, 1.0)

    @staticmethod
    def cases() -> Cases:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = nn.Sequential(
                nn.Conv2d(1, 6, 3, padding=1), nn.ReLU(), nn.Conv2d(6, 8, 2, stride=2), nn.ReLU(), nn.Conv2d(8, 4, 2)
            )
        return {"network": [network.double()], "eps": [0.5, 0.0], "layers": [None, ["0", "4"]]}

    def __post_init__(self) -> None:
        object.__setattr__(self, "eps", radius(self.eps))
        Features(self.network, self.layers)  # refuses layers that are not there

    @property
    def name(self) -> str:
        """Its name, with a checksum of network and layers: distances by others are another threat."""
        mark = crc32(json.dumps(identity([self.network, self.layers])).encode())
        return f"perceptual ({type(self.network).__name__} {mark:08x}) eps {named(self.eps)}"

    def at(self, x: Float[Tensor, "b *x"]) -> PerceptualSet:
        low, high = self.within or (-inf, inf)
        x = require_within(x, low, high)
        eps = radii(self.eps, x)  # pyright: ignore[reportArgumentType]  # a string was parsed
        return PerceptualSet(x, eps, Features(self.network, self.layers), rounded(self.within, x.dtype))

    def scaled(self, factor: float | Float[Tensor, "b"]) -> "Perceptual":
        return replace(self, eps=self.eps * factor)  # pyright: ignore[reportOperatorIssue]
