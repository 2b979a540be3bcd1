"""Pixels that send mass to a window around themselves."""

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Grid:
    """The pixels of one input in a padded vector, so that no window leaves it: channels, rows, columns.

    Args:
        shape: the input's shape, channels first; fewer than three numbers stand for one channel, or one row.
        offsets: what takes a pixel's place to those of its window in the padded vector, its own first.
        cost: the cost of a unit of mass that is moved by each offset, 0 first.
        pixels: the places of the pixels, in the order of the input.
        colours: pixels by their number in the input, in groups; windows of one group do not meet.
        length: the length of the padded vector.
    """

    shape: tuple[int, ...]
    offsets: Int[Tensor, "k"]
    cost: Float64[Tensor, "k"]
    pixels: Int[Tensor, "n"]
    colours: list[Tensor]
    length: int

    @property
    def channel_size(self) -> int:
        """The number of pixels that mass stays among."""
        return math.prod(self.shape[-2:])

    @cached_property
    def order(self) -> Int[Tensor, "n"]:
        """The pixels, colour by colour."""
        return torch.cat(self.colours)

    @cached_property
    def levels(self) -> Int[Tensor, "d1"]:
        """The first offset of each cost, and the number of all at the end; the pixel itself is the first cost."""
        starts = [0, 1, *(o for o in range(2, len(self.cost)) if self.cost[o] != self.cost[o - 1]), len(self.cost)]
        return torch.tensor(sorted(set(starts)), device=self.cost.device)

    @cached_property
    def level_cost(self) -> Float64[Tensor, "d"]:
        """The different costs."""
        return self.cost[self.levels[:-1]]

    @cached_property
    def places(self) -> Int[Tensor, "p"]:
        """The number of the pixel at each place of the padded vector; 0 outside the image."""
        out = torch.zeros(self.length, dtype=torch.long, device=self.pixels.device)
        out[self.pixels] = torch.arange(len(self.pixels), device=self.pixels.device)
        return out

    @cached_property
    def window(self) -> Int[Tensor, "n k"]:
        """The places of each pixel's window."""
        return self.pixels[:, None] + self.offsets

    def padded(self, x: Float[Tensor, "b *x"], value: float = 0.0) -> Float64[Tensor, "b p"]:
        """Return inputs in padded vectors, with this value around them."""
        out = x.new_full((len(x), self.length), value, dtype=torch.float64)
        out[:, self.pixels] = x.flatten(1).double()
        return out

    def inside(self, padded: Float[Tensor, "... p"]) -> Float[Tensor, "... n"]:
        """Return the pixels of padded vectors."""
        return padded[..., self.pixels]


@lru_cache(maxsize=16)
def grid(shape: tuple[int, ...], table: tuple[tuple[float, ...], ...], device: torch.device) -> Grid:
    """Return the grid of inputs of this shape; `table` has the cost of each offset, the centre in its middle.

    A table may be larger than the input, whose pixels then send mass anywhere.
    """
    channels, height, width = (1,) * (3 - len(shape)) + shape
    down, right = (min(len(table) // 2, height - 1), min(len(table[0]) // 2, width - 1))
    rows, columns = height + 2 * down, width + 2 * right
    found = [
        (table[len(table) // 2 + a][len(table[0]) // 2 + b], a * columns + b)
        for a in range(-down, down + 1)
        for b in range(-right, right + 1)
    ]
    found.sort(key=lambda pair: (pair[1] != 0, pair[0]))
    places = torch.arange(channels * rows * columns).view(channels, rows, columns)
    inside = places[:, down : down + height, right : right + width]
    a, b = torch.arange(height)[:, None] % (2 * down + 1), torch.arange(width) % (2 * right + 1)
    colour = (a * (2 * right + 1) + b).expand(channels, height, width).flatten()
    colours = [(colour == number).nonzero()[:, 0].to(device) for number in colour.unique().tolist()]
    costs, offsets = zip(*found, strict=True)
    cost = torch.tensor(costs, dtype=torch.float64, device=device)
    return Grid(
        shape,
        torch.tensor(offsets, device=device),
        cost,
        inside.flatten().to(device),
        colours,
        channels * rows * columns,
    )
