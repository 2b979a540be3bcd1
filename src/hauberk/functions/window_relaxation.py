"""Lines that bound a function of several inputs by one of them each."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.relaxation import Placed
from hauberk.concepts.rows import Rows
from hauberk.kernels.rows import dots


@dataclass(frozen=True, kw_only=True)
class WindowRelaxation(Placed):
    """Two lines per window, each in one input z_i of the window: slope * z_i + intercept.

    Args:
        lower_slope, lower_intercept, upper_slope, upper_intercept: as in `Relaxation`, for each window.
        lower_index, upper_index: the inputs' positions, counted within the map of the window's channel.
        shape: the shape of the input, without the batch.
        space: the number of its last dimensions that form the map.
    """

    lower_index: Int[Tensor, "b *out"]
    upper_index: Int[Tensor, "b *out"]
    shape: tuple[int, ...]
    space: int

    def pull_back(self, rows: Rows, radius: Float[Tensor, "b *out"] | None) -> tuple[Rows, Float[Tensor, "r 2"]]:
        values, owner = rows.values, rows.owner
        pulled = values.new_zeros(len(values), *self.shape[: -self.space], math.prod(self.shape[-self.space :]))
        constants = dots(values.flatten(1), owner, None, None if radius is None else radius.flatten(1))
        for side, index, slope, intercept in (
            (values.clamp(min=0), self.lower_index, self.lower_slope, self.lower_intercept),
            (values.clamp(max=0), self.upper_index, self.upper_slope, self.upper_intercept),
        ):
            pulled = pulled.scatter_add(-1, self.flat(index[owner]), self.flat(side * slope[owner]))
            found = dots(side.flatten(1), owner, None if intercept is None else intercept.flatten(1), None)
            constants = constants + found
        return rows.with_values(pulled.view(len(values), *self.shape)), constants

    def push(self, z: Float[Tensor, "b k *z"]) -> Float[Tensor, "b k *out"]:
        index = self.upper_index.unsqueeze(1).expand(-1, z.shape[1], *self.upper_index.shape[1:])
        return self.at(z, index) * self.upper_slope.unsqueeze(1)

    def absolute(self, inputs: Float[Tensor, "b ..."]) -> Float[Tensor, "b *out"]:
        lower = self.lower_slope.abs() * self.at(inputs, self.lower_index)
        return torch.maximum(lower, self.upper_slope.abs() * self.at(inputs, self.upper_index))

    def magnitude(self, inputs: Float[Tensor, "b ..."]) -> Float[Tensor, "b *out"]:
        low = torch.zeros_like(self.lower_slope) if self.lower_intercept is None else self.lower_intercept.abs()
        lower = self.lower_slope.abs() * self.at(inputs, self.lower_index) + low
        upper = self.upper_slope.abs() * self.at(inputs, self.upper_index) + self.upper_intercept.abs()
        return torch.maximum(lower, upper)

    def at(self, inputs: Float[Tensor, "b ..."], index: Int[Tensor, "b *out"]) -> Float[Tensor, "b *out"]:
        """Return the inputs at these indices."""
        return self.flat(inputs).gather(-1, self.flat(index)).view(index.shape)

    def flat(self, t: Tensor) -> Tensor:
        """Return a tensor with its map in one dimension."""
        return t.flatten(-self.space)
