"""Rows: linear functions of one value of a graph, each belonging to an example of the batch."""

from dataclasses import dataclass
from functools import lru_cache
from math import prod

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.kernels.layout import channels_last, from_order, in_order


@dataclass(frozen=True)
class Window:
    """A lattice of equal windows on maps (c, h, w): the pixels that a row that started at one pixel can reach.

    The window at position (i, j) of the grid covers `size` pixels from start + (i, j) * stride; it may leave the map,
    and coefficients outside the map have no meaning.

    Args:
        shape: the shape (c, h, w) of the maps.
        grid: the numbers of windows, (vertical, horizontal) like all pairs below.
        start: the first pixel of the first window; negative outside the map.
        stride: the distance between neighbouring windows, in pixels.
        size: the size of each window, in pixels.
    """

    shape: tuple[int, int, int]
    grid: tuple[int, int]
    start: tuple[int, int] = (0, 0)
    stride: tuple[int, int] = (1, 1)
    size: tuple[int, int] = (1, 1)

    def reaches_most(self) -> bool:
        """Return True if dense rows would be about as small."""
        return 2 * prod(self.size) > prod(self.shape[1:])

    def pieces(self, t: Float[Tensor, "b c h w"]) -> Float[Tensor, "bp n"]:
        """Return the contents of every window of every example, zero outside the map: b * places rows."""
        pad = []
        for axis in (1, 0):
            end = self.start[axis] + (self.grid[axis] - 1) * self.stride[axis] + self.size[axis]
            pad += [-self.start[axis], end - self.shape[axis + 1]]
        t = t.expand(-1, *self.shape)
        return F.unfold(F.pad(t, pad), self.size, stride=self.stride).transpose(1, 2).flatten(0, 1)

    @lru_cache(16)  # noqa: B019  (a window holds no more than a few numbers)
    @torch.inference_mode(False)
    def elements(self, device: torch.device) -> Int[Tensor, "p n"]:
        """Return the index in the flattened map of each coefficient of every window; one past the end outside it."""
        c, h, w = self.shape
        lines = []
        for axis in (0, 1):
            first = self.start[axis] + self.stride[axis] * torch.arange(self.grid[axis], device=device)
            lines.append(first[:, None] + torch.arange(self.size[axis], device=device))
        y, x = lines[0][:, None, None, :, None], lines[1][None, :, None, None, :]
        inside = (y >= 0) & (y < h) & (x >= 0) & (x < w)
        channel = torch.arange(c, device=device)[None, None, :, None, None]
        return torch.where(inside, (channel * h + y) * w + x, c * h * w).flatten(2).flatten(0, 1)


@dataclass(frozen=True)
class Rows:
    """A number r of coefficient tensors, each for one example; examples may own different numbers of rows.

    With a window, row i holds only the coefficients in the window of `place[i]`: all others are zero.

    Args:
        values: the coefficients.
        owner: the index of each row's example.
        window: the lattice of windows; None for dense rows.
        place: the index of each row's window; None for dense rows.
    """

    values: Float[Tensor, "r *z"]
    owner: Int[Tensor, "r"]
    window: Window | None = None
    place: Int[Tensor, "r"] | None = None

    @classmethod
    def uniform(cls, values: Float[Tensor, "b k *z"]) -> "Rows":
        """Return k rows per example."""
        b, k = values.shape[:2]
        owner = torch.arange(b, device=values.device)[:, None].expand(b, k).flatten()
        return cls(values.flatten(0, 1), owner)

    @classmethod
    def units(cls, owner: Int[Tensor, "r"], element: Int[Tensor, "r"], shape: tuple[int, ...], like: Tensor) -> "Rows":
        """Return rows that select single elements of a value; for maps, as windows of one pixel."""
        size = prod(shape[1:]) if len(shape) == 3 else 1
        unit = like.new_zeros(len(owner), prod(shape) // size)
        unit.scatter_(1, (element // size)[:, None], 1.0)
        if len(shape) != 3:
            return cls(unit.unflatten(1, shape), owner)
        c, h, w = shape
        return cls(unit[..., None, None], owner, Window((c, h, w), (h, w)), element % size)

    @property
    def last(self) -> bool:
        """True if the rows are dense and lie in memory with their channels last."""
        return self.window is None and channels_last(self.values)

    def with_values(self, values: Float[Tensor, "r ..."], window: Window | None = None) -> "Rows":
        """Return rows with these coefficients for the same examples and windows."""
        return Rows(values, self.owner, window, None if window is None else self.place)

    @property
    def flat(self) -> Float[Tensor, "r n"]:
        """Each row's coefficients in memory order, which `table` shares."""
        return in_order(self.values, self.last)

    def with_flat(self, flat: Float[Tensor, "r n"]) -> "Rows":
        """Return rows with these coefficients, in the order of `flat`."""
        return self.with_values(from_order(flat, tuple(self.values.shape[1:]), self.last), self.window)

    def table(self, t: Float[Tensor, "b *z"]) -> Float[Tensor, "t n"]:
        """Return the rows of t, or of its windows, that `index` points into."""
        return in_order(t, self.last) if self.window is None else self.window.pieces(t)

    @property
    def index(self) -> Int[Tensor, "r"]:
        """The row of a table that each row is multiplied with."""
        if self.window is None or self.place is None:
            return self.owner
        return self.owner * prod(self.window.grid) + self.place

    def inside(self) -> "Rows":
        """Return the rows with coefficients outside the map set to zero."""
        if self.window is None or self.place is None:
            return self
        elements = self.window.elements(self.place.device)
        outside = (elements == prod(self.window.shape))[self.place]
        return self.with_flat(self.flat.masked_fill(outside, 0))

    def dense(self) -> "Rows":
        """Return the rows with all their coefficients."""
        if self.window is None or self.place is None:
            return self
        size = prod(self.window.shape)
        elements = self.window.elements(self.place.device)[self.place]
        full = self.values.new_zeros(len(self.values), size + 1).scatter(1, elements, self.flat)
        return Rows(full[:, :size].unflatten(1, self.window.shape), self.owner)

    def plus(self, other: "Rows") -> "Rows":
        """Return the sums with other rows of the same value and examples."""
        first, second = (self, other) if self.window == other.window else (self.dense(), other.dense())
        return first.with_values(first.values + second.values, first.window)
