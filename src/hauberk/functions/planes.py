"""Lines in several elements of the operand: planes that enclose a function of many variables."""

from abc import abstractmethod
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.relaxation import Placed
from hauberk.concepts.rows import Rows
from hauberk.kernels.rows import dots


class Planes(Placed):
    """Two planes per element of the result, given by linear maps of the operand, plus the intercepts."""

    @property
    @abstractmethod
    def ones(self) -> Float[Tensor, "b *z"]:
        """Ones in the operand's shape."""

    @cached_property
    def steepest(self) -> Float[Tensor, "b *out"]:
        """The larger sum of absolute slopes of the two planes."""
        return self.absolute(self.ones)

    @abstractmethod
    def transposed(self, rows: Float[Tensor, "r *out"], owner: Int[Tensor, "r"], lower: bool) -> Float[Tensor, "r *z"]:
        """Return rows @ L, with L the linear part of the lower planes or of the upper ones."""

    def pull_back(self, rows: Rows, radius: Float[Tensor, "b *out"] | None) -> tuple[Rows, Float[Tensor, "r 2"]]:
        values, owner = rows.values, rows.owner
        above, below = values.clamp(min=0), values.clamp(max=0)
        pulled = self.transposed(above, owner, True) + self.transposed(below, owner, False)
        constants = dots(values.flatten(1), owner, None, None if radius is None else radius.flatten(1))
        for side, intercept in ((above, self.lower_intercept), (below, self.upper_intercept)):
            constants = constants + dots(
                side.flatten(1), owner, None if intercept is None else intercept.flatten(1), None
            )
        return rows.with_values(pulled), constants

    def magnitude(self, inputs: Float[Tensor, "b *z"]) -> Float[Tensor, "b *out"]:
        low = torch.zeros_like(self.upper_intercept) if self.lower_intercept is None else self.lower_intercept.abs()
        return self.absolute(inputs) + torch.maximum(self.upper_intercept.abs(), low)
