"""The largest input of each window."""

from abc import abstractmethod

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.op import Relaxable
from hauberk.functions.window_relaxation import WindowRelaxation


class WindowMaximum(Relaxable):
    """A function that takes the largest input of each window.

    Upper line: let u_i be the window's largest upper bound, u the largest of the others, v = max(u, l_i). Then
    max(z) <= max(z_i, v), which is convex in z_i, so its chord over [l_i, u_i] lies above; it touches at both ends, and
    is z_i if z_i is certainly the largest. Lower line: the z_i of largest centre loses the least volume; with L the
    largest lower bound, c * z_i + (1 - c) * L is also one for every `choice` c in [0, 1]; None is choice 1.
    """

    windows: Int[Tensor, "o k"]
    """The positions in the input's map that each window reads, -1 for none."""
    covering: int
    """The maximum number of windows that contain an input."""

    @property
    @abstractmethod
    def space(self) -> int:
        """The number of dimensions of the map."""

    @property
    def additions(self) -> int:
        return 2 * self.covering

    def lipschitz(self) -> float:
        return 1.0

    def __call__(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b ..."]:
        return self.largest(z)[0]

    @abstractmethod
    def largest(self, z: Float[Tensor, "b *z"]) -> tuple[Float[Tensor, "b *out"], Int[Tensor, "b *out"]]:
        """Return the largest input of each window, and its position in its channel's map."""

    def interval(self, box: Box) -> Box:
        return Box(self(box.lower), self(box.upper))

    def relax(self, box: Box, choice: Float[Tensor, "b *out"] | None = None) -> WindowRelaxation:
        index = self.largest(box.center)[1]
        slope = torch.ones_like(index, dtype=box.lower.dtype) if choice is None else choice
        return self.lines(box, index, slope, *self.upper_line(box))

    def relax_parallel(self, box: Box) -> WindowRelaxation:
        """Return the closest parallel lines: the upper one, and (v - l_i) / (u_i - l_i) * (u_i - L) below it."""
        index, slope, intercept = self.upper_line(box)
        return self.lines(box, index, slope, index, slope, intercept)

    def lines(
        self,
        box: Box,
        index: Int[Tensor, "b *out"],
        slope: Float[Tensor, "b *out"],
        upper_index: Int[Tensor, "b *out"],
        upper_slope: Float[Tensor, "b *out"],
        upper_intercept: Float[Tensor, "b *out"],
    ) -> WindowRelaxation:
        """Return the lower line of an index and a slope, and an upper line."""
        return WindowRelaxation(
            lower_slope=slope,
            upper_slope=upper_slope,
            upper_intercept=upper_intercept,
            lower_intercept=(1 - slope) * self(box.lower),
            lower_index=index,
            upper_index=upper_index,
            shape=tuple(box.lower.shape[1:]),
            space=self.space,
        )

    def upper_line(self, box: Box) -> tuple[Int[Tensor, "b *out"], Float[Tensor, "b *out"], Float[Tensor, "b *out"]]:
        """Return the index, slope and intercept of the upper line."""
        largest, index = self.largest(box.upper)
        flat = index.flatten(-self.space)
        low = box.lower.flatten(-self.space).gather(-1, flat).view(index.shape)
        windows = self.windows.to(index.device)
        others = box.upper.flatten(-self.space)[..., windows.clamp(min=0)]
        others = others.masked_fill((windows < 0) | (windows == flat[..., None]), -torch.inf)
        end = torch.maximum(others.amax(-1).view(index.shape), low)
        wide = largest > low
        slope = torch.where(wide, (largest - end) / torch.where(wide, largest - low, 1), 1)
        return index, slope, end - slope * low
