"""Uniform noise."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.smoothing_noise import SmoothingNoise
from hauberk.errors import InputError
from hauberk.kernels.noise import with_uniform
from hauberk.ranges import Positive
from hauberk.sampling.requirements import real

SMALLEST, LARGEST = 2.0**-126, 2.0**127  # other noise would be lost in float32, and its radii with it


@dataclass(frozen=True)
class Uniform(SmoothingNoise):
    """Independent noise in every coordinate, uniform between -reach and reach, which certifies l_1 radii.

    A shift by d changes the probability of any event by at most ||d||_1 / (2 * reach), the volume that it moves out of
    the cube. So a share proves 2 * reach * (share - 1/2).

    Args:
        reach: the largest noise, in units of the input; its standard deviation is reach / sqrt(3).

    Raises:
        InputError: reach is not a positive number of float32.

    Example:
        >>> import torch
        >>> from hauberk.smoothing import Uniform
        >>> Uniform(0.5).radius(torch.tensor([0.5, 0.75, 1.0]))
        tensor([0.0000, 0.2500, 0.5000])

    Source: Lee et al. 2019, corollary 1; Yang et al. 2020, table 1.
    """

    reach: Positive
    p = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "reach", real("reach", self.reach))
        if not SMALLEST <= self.reach <= LARGEST:
            raise InputError(
                f"Uniform needs reach > 0, a number of float32, in units of the input, but it is {self.reach}."
            )

    @property
    def name(self) -> str:
        return f"uniform noise, reach {self.reach:g}"

    def rows(self, x: Float[Tensor, "e d"], image: Int[Tensor, "r"], keys: Int[Tensor, "r"]) -> Float[Tensor, "r d"]:
        return with_uniform(x, image, keys, self.reach)

    def radius(self, share: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        return 2 * self.reach * (share - 0.5)

    def share(self, radius: Float[Tensor, "*b"]) -> Float[Tensor, "*b"]:
        return (0.5 + radius / (2 * self.reach)).clamp(max=1)
