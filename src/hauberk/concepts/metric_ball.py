"""Balls around the input in some distance, as required by methods that measure it."""

from abc import abstractmethod
from functools import cached_property
from math import inf

import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.errors import UnsupportedSetError


class MetricBall(PerturbationSet):
    """The points within `radius` of the input, possibly cut by the range of valid inputs."""

    within: tuple[float, float] | None
    """The range of valid inputs; None if every number is valid."""
    symmetric = True

    @property
    @abstractmethod
    def metric(self) -> str:
        """The distance's name: "l2"."""

    @cached_property
    def limits(self) -> tuple[Float[Tensor, "..."], Float[Tensor, "..."]]:
        """The least and the largest value that each coordinate of a valid input may have; infinite without a range."""
        low, high = self.within or (-inf, inf)
        return self.start.new_full((), low), self.start.new_full((), high)

    @cached_property
    def unit(self) -> Float[Tensor, "b"]:
        if self.within is None:
            return super().unit
        return torch.full_like(self.radius, self.within[1] - self.within[0])

    @abstractmethod
    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "MetricBall":
        """Return the balls of some of the examples."""

    @abstractmethod
    def distance(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b"]:
        """Return the distance of z from the unperturbed point; infinite where no radius reaches z."""

    @abstractmethod
    def measured(self, z: Float[Tensor, "b *z"]) -> Float64[Tensor, "b"]:
        """Return the distances in float64; infinite where z is no valid input."""

    def between(self, a: Float[Tensor, "b *z"], z: Float[Tensor, "b *z"]) -> Float[Tensor, "b"]:
        """Return the distance of any two points.

        Raises:
            UnsupportedSetError: only distances from the unperturbed point are known.
        """
        raise UnsupportedSetError(
            f"{type(self).__name__} measures distances from the unperturbed point alone, not between any two points: "
            "PGD applies to any set."
        )
