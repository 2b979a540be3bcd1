"""Lines that enclose a function on a box."""

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

    Each is a line in the operand's element at the same position.

    Args:
        lower_slope: the slope of the lower line.
        upper_slope: the slope of the upper line.
        upper_intercept: the intercept of the upper line.
        lower_intercept: the intercept of the lower line; None if it is zero everywhere, which saves a pass over memory.
    """

    lower_slope: Float[Tensor, "b *z"]
    upper_slope: Float[Tensor, "b *z"]
    upper_intercept: Float[Tensor, "b *z"]
    lower_intercept: Float[Tensor, "b *z"] | None = None

    @cached_property
    def steepest(self) -> Float[Tensor, "b *z"]:
        """The larger absolute value of the two slopes."""
        if self.lower_slope is self.upper_slope:
            return self.upper_slope.abs()
        return torch.maximum(self.lower_slope.abs(), self.upper_slope.abs())

    def push(self, z: Float[Tensor, "b k *z"]) -> Float[Tensor, "b k *z"]:
        """Return every z times the upper line's slope, element by element."""
        return z * self.upper_slope.unsqueeze(1)

    def absolute(self, inputs: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the larger sum of |slope| * input of both lines."""
        return self.steepest * inputs

    def magnitude(self, inputs: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the largest sum of absolute terms that either line evaluates, for inputs of these magnitudes."""
        intercept = self.upper_intercept.abs()
        if self.lower_intercept is not None:
            intercept = torch.maximum(intercept, self.lower_intercept.abs())
        return torch.addcmul(intercept, self.steepest, inputs)


class Placed(Relaxation, ABC):
    """A relaxation whose lines read elements at other positions of the operand."""

    @abstractmethod
    def pull_back(self, rows: Rows, radius: Float[Tensor, "b *z"] | None) -> tuple[Rows, Float[Tensor, "r 2"]]:
        """Return the rows pulled back through the node, their constants, and their sums of |coefficient| * radius.

        Positive coefficients take the lower line, negative ones the upper.
        """
