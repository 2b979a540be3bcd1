"""Lines between which a function runs on a box."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.rows import Rows


@dataclass(frozen=True)
class Relaxation:
    """Two lines per neuron: lower_slope * z + lower_intercept <= f(z) <= upper_slope * z + upper_intercept on a box.

    Each is a line in the operand's element at the same place.
    """

    lower_slope: Float[Tensor, "b *z"]
    upper_slope: Float[Tensor, "b *z"]
    upper_intercept: Float[Tensor, "b *z"]
    lower_intercept: Float[Tensor, "b *z"] | None = None
    """None where it is zero everywhere, which spares a pass over memory."""

    @cached_property
    def steepest(self) -> Float[Tensor, "b *z"]:
        """The larger of the two slopes' absolute values."""
        if self.lower_slope is self.upper_slope:
            return self.upper_slope.abs()
        return torch.maximum(self.lower_slope.abs(), self.upper_slope.abs())

    def push(self, z: Float[Tensor, "b k *z"]) -> Float[Tensor, "b k *z"]:
        """Return the upper line's slope times its element of every z."""
        return z * self.upper_slope.unsqueeze(1)

    def magnitude(self, inputs: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the largest sum of absolute terms that either line evaluates, for inputs of these magnitudes."""
        intercept = self.upper_intercept.abs()
        if self.lower_intercept is not None:
            intercept = torch.maximum(intercept, self.lower_intercept.abs())
        return torch.addcmul(intercept, self.steepest, inputs)


class Placed(Relaxation, ABC):
    """A relaxation whose lines are lines in elements that stand elsewhere in the operand."""

    @abstractmethod
    def pull_back(self, rows: Rows, radius: Float[Tensor, "b *z"] | None) -> tuple[Rows, Float[Tensor, "r 2"]]:
        """Return rows behind the node, their constants, and their sums of |coefficient| * radius.

        Positive coefficients take the lower line, negative ones the upper.
        """
