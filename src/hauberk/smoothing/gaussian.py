"""Gaussian noise."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.smoothing_noise import SmoothingNoise
from hauberk.errors import InputError
from hauberk.kernels.noise import with_gaussian
from hauberk.ranges import Positive
from hauberk.sampling.requirements import real

SMALLEST, LARGEST = 2.0**-126, 2.0**127  # other noise would be lost in float32, and its radii with it


@dataclass(frozen=True)
class Gaussian(SmoothingNoise):
    """Independent normal noise in every coordinate, which certifies l_2 radii: sigma * (the quantile of the share).

    Args:
        sigma: the standard deviation, in units of the input.

    Raises:
        InputError: sigma is not a positive number of float32.

    Example:
        >>> import torch
        >>> from hauberk.smoothing import Gaussian
        >>> Gaussian(0.25).radius(torch.tensor([0.5, 0.9, 0.999]))
        tensor([0.0000, 0.3204, 0.7726])

    Source: Cohen et al. 2019, theorem 1.
    """

    sigma: Positive
    p = 2.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "sigma", real("sigma", self.sigma))
        if not SMALLEST <= self.sigma <= LARGEST:
            raise InputError(
                f"Gaussian needs sigma > 0, a number of float32, in units of the input, but it is {self.sigma}."
            )

    @property
    def name(self) -> str:
        return f"Gaussian noise, sigma {self.sigma:g}"

    def rows(self, x: Float[Tensor, "e d"], image: Int[Tensor, "r"], keys: Int[Tensor, "r"]) -> Float[Tensor, "r d"]:
        return with_gaussian(x, image, keys, self.sigma)

    def radius(self, share: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        return self.sigma * torch.special.ndtri(share)

    def share(self, radius: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        return torch.special.ndtr(radius / self.sigma)
