"""Boxes: element-wise lower and upper bounds."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor


@dataclass(frozen=True)
class Box:
    """The set of tensors that lie element-wise between `lower` and `upper`."""

    lower: Float[Tensor, "*z"]
    upper: Float[Tensor, "*z"]

    @classmethod
    def around(cls, center: Float[Tensor, "*z"], radius: Float[Tensor, "*z"]) -> "Box":
        """Return the box `center` +- `radius`."""
        return cls(center - radius, center + radius)

    @property
    def center(self) -> Float[Tensor, "*z"]:
        return (self.lower + self.upper) / 2

    @property
    def radius(self) -> Float[Tensor, "*z"]:
        return (self.upper - self.lower) / 2

    @property
    def magnitude(self) -> Float[Tensor, "*z"]:
        """The largest absolute value that each element can take."""
        return torch.maximum(self.lower.abs(), self.upper.abs())

    @property
    def unstable(self) -> Bool[Tensor, "*z"]:
        """Where zero lies strictly inside: the neurons that a ReLU has to relax."""
        return (self.lower < 0) & (self.upper > 0)

    def intersect(self, other: "Box") -> "Box":
        """Return the box of the points in both; never looser than either."""
        return Box(torch.maximum(self.lower, other.lower), torch.minimum(self.upper, other.upper))

    def widened(self, by: Float[Tensor, "*z"]) -> "Box":
        """Return the box moved outward by `by` (non-negative) on every side."""
        return Box(self.lower - by, self.upper + by)
