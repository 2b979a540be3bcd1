"""Balls around the input in some distance, as required by methods that measure it."""

from abc import abstractmethod

from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor

from hauberk.concepts.perturbation_set import CertifiableSet


class MetricBall(CertifiableSet):
    """The points within `radius` of the input, possibly cut by the range of valid inputs."""

    @property
    @abstractmethod
    def metric(self) -> str:
        """The distance's name: "l2"."""

    @abstractmethod
    def select(self, index: Bool[Tensor, "b"] | Int[Tensor, "s"]) -> "MetricBall":
        """Return the balls of some of the examples."""

    @abstractmethod
    def distance(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b"]:
        """Return the distance of z from the unperturbed point; infinite where no radius reaches z."""

    @abstractmethod
    def measured(self, z: Float[Tensor, "b *z"]) -> Float64[Tensor, "b"]:
        """Return the distances in float64; infinite where z is no valid input."""
