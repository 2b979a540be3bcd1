"""The Wasserstein ball."""

import math
from dataclasses import dataclass, replace
from typing import get_args
from zlib import crc32

from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.cases import Cases
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.radius import named, radii, radius, require_within, rounded
from hauberk.errors import InputError, ShapeError
from hauberk.ranges import Count, NonNegative, OpenShare, Positive, Span
from hauberk.sampling.requirements import real, require_counts, require_reals
from hauberk.sets.transport_heading import Heading
from hauberk.sets.transport_projection import Method, Projection
from hauberk.sets.wasserstein_set import Table, WassersteinSet

MOST_ENTRIES = 2**27
"""The largest plan of one input: 1 GiB."""
MOST_COST = 1e6
"""The largest cost of an offset, and one over the least: what linear programs tell apart."""


@dataclass(frozen=True)
class WassersteinBall(ThreatModel):
    """The threat that an image's mass moves between near pixels: by eps, in pixels times the share of the mass.

    Moving one hundredth of an image's brightness by one pixel costs 0.01. Mass stays in its channel and in the image.

    Args:
        eps: the radius: a number, a fraction as text, or a tensor (b,) with one radius per example.
        window: the side of the square window around a pixel that its mass may move in, an odd number of pixels; None
            for the whole image.
        p: moving by an offset costs its Euclidean length to this power; 1 for the usual distance.
        cost: a table of the costs of offsets instead of `window` and `p`, with an odd number of rows and columns.
        within: the range of valid inputs, from 0; None if a pixel may get any value.
        heading: attacks' steps follow the gradient ("l2"), its signs ("sign", as published), or the best transport
            ("wasserstein"). Lengths are in units of the range, Euclidean or of a pixel, or are costs of transport.
            On an MNIST network, steps along the gradient broke far more images than along signs.
        tolerance: the largest duality gap of a projection, as a share of half its squared distance ("exact"), or of
            its objective ("entropic").
        projection: "exact" for the nearest image; "entropic" for projected Sinkhorn's, which minimises
            sharpness / 2 * |distance|^2 + sum of plan * log(plan) and then cuts what exceeds the range. Entropy would
            move members, too; `project` leaves them as they are. It blurs: radii are budgets, of which an image uses
            less than its plan does, as cheaper plans make it as well.
        sharpness: what squared distances, in shares of the mass, weigh beside entropy (lambda); only for "entropic".

    Raises:
        InputError: a number is out of range, or none at all.

    Example:
        >>> import torch
        >>> from hauberk.threats import WassersteinBall
        >>> S = WassersteinBall(0.25, window=3).at(torch.tensor([[0.0, 0.8, 0.0]]))
        >>> S.contains(torch.tensor([[0.1, 0.6, 0.1], [0.2, 0.4, 0.2]][:1]))  # a quarter of the mass, by one pixel
        tensor([True])
        >>> S.project(torch.tensor([[0.4, 0.8, 0.0]]))
        tensor([[0.2000, 0.6000, 0.0000]])
        >>> S.support_function(torch.tensor([[[1.0, 0.0, 0.0]]]))
        tensor([[0.2000]])

    Source: Wong, Schmidt & Kolter 2019; there, the projection is entropic and may leave the ball before it converges.
    """

    eps: NonNegative | str | Float[Tensor, "b"]
    window: Count | None = 5
    p: Positive = 1.0
    cost: list[list[NonNegative]] | None = None
    within: Span | None = (0.0, 1.0)
    heading: Heading = "l2"
    tolerance: OpenShare = 1e-5
    projection: Projection = "exact"
    sharpness: Positive = 1000.0

    @staticmethod
    def cases() -> Cases:
        return {
            "eps": [0.5, 0.0],
            "window": [3],
            "within": [None],
            "tolerance": [1e-10],
        }

    def __post_init__(self) -> None:
        object.__setattr__(self, "eps", radius(self.eps))
        if self.window is not None:
            require_counts(window=self.window)
            if self.window < 3 or self.window % 2 == 0:
                raise InputError(f"window is an odd number of pixels, at least 3, but is {self.window}.")
        require_reals(p=self.p, tolerance=self.tolerance, sharpness=self.sharpness)
        if not 0 < self.p <= 64:
            raise InputError(f"p is a power of distances, above 0 and at most 64, but is {self.p}.")
        if not 0 < self.tolerance < 1:
            raise InputError(f"tolerance is a share between 0 and 1, but is {self.tolerance}.")
        if not 0 < self.sharpness <= 1e9:
            raise InputError(f"sharpness is above 0 and at most 1e9, but is {self.sharpness}.")
        if self.within is not None and not ranges(self.within):
            raise InputError(
                f"mass is counted from 0, to a finite value or without a range; within is {self.within!r}."
            )
        if self.heading not in get_args(Heading):
            raise InputError(f"heading must be one of {', '.join(get_args(Heading))}, but is {self.heading!r}.")
        if self.projection not in get_args(Projection):
            raise InputError(f"projection is one of {', '.join(get_args(Projection))}, but is {self.projection!r}.")
        if self.cost is not None:
            require_costs(self.cost)

    @property
    def name(self) -> str:
        window = "whole image" if self.window is None else f"{self.window} x {self.window}"
        costs = window if self.p == 1 else f"{window}, p {self.p:g}"
        if self.cost is not None:
            costs = f"own costs {crc32(repr(self.cost).encode()):08x}"
        return f"Wasserstein ({costs}{', no range' if self.within is None else ''}) eps {named(self.eps)}"

    def at(self, x: Float[Tensor, "b *x"]) -> WassersteinSet:
        """Return the set around each image.

        Raises:
            ShapeError, InputError: as for other threats; also if inputs have more than three dimensions, or plans have
                more than 2^27 entries an input.
        """
        if x.ndim > 4:
            raise ShapeError(f"transport needs images of channels, rows and columns, but inputs are {tuple(x.shape)}.")
        x = require_within(x, 0.0, math.inf if self.within is None else self.within[1])
        within = rounded(self.within, x.dtype)
        if within is not None and within[1] == math.inf:
            raise InputError(f"{x.dtype} has no number as large as {self.within}: leave the range out, within=None.")
        eps = radii(self.eps, x)  # pyright: ignore[reportArgumentType]
        method = Method(self.tolerance, self.projection, self.sharpness)
        return WassersteinSet(x, eps, within, self.table(x), self.heading, method)

    def table(self, x: Float[Tensor, "b *x"]) -> Table:
        """Return the costs of offsets, the centre in the middle."""
        height, width = (1, *x.shape[1:])[-2:]
        limit = max(height, width) if self.window is None else self.window // 2
        limits = (limit, limit) if self.cost is None else (len(self.cost) // 2, len(self.cost[0]) // 2)
        down, right = min(limits[0], height - 1), min(limits[1], width - 1)
        require_entries(x.shape[1:].numel(), down, right)
        if self.cost is not None:
            return tuple(map(tuple, self.cost))
        if math.hypot(down, right) ** self.p > MOST_COST:
            raise InputError(f"at p = {self.p:g} the farthest offset costs more than {MOST_COST:g}: lower p or window.")
        rows, columns = range(-down, down + 1), range(-right, right + 1)
        return tuple(tuple(math.hypot(a, b) ** self.p for b in columns) for a in rows)

    def scaled(self, factor: float | Float[Tensor, "b"]) -> "WassersteinBall":
        return replace(self, eps=self.eps * factor)  # pyright: ignore[reportOperatorIssue]


def require_costs(table: list[list[float]]) -> None:
    """Raise unless a table has a centre of cost 0, and positive costs around it."""
    if not isinstance(table, list | tuple) or not all(isinstance(row, list | tuple) for row in table):
        raise InputError(f"cost is a table, a list of rows of numbers, but is {table!r:.200}.")
    rows, columns = len(table), len(table[0]) if table else 0
    if rows % 2 == 0 or columns % 2 == 0 or any(len(row) != columns for row in table):
        raise InputError(f"cost is a table of odd sides, but has {rows} rows of {[len(row) for row in table]}.")
    costs = [real("a cost", cost) for row in table for cost in row]
    middle = costs.pop(len(costs) // 2)
    if middle != 0 or not all(1 / MOST_COST <= cost <= MOST_COST for cost in costs):
        raise InputError(
            f"staying costs 0, and moving from {1 / MOST_COST:g} to {MOST_COST:g}, but cost is {table!r:.200}."
        )


def ranges(within: object) -> bool:
    """Return whether this is a range from 0 to a finite number."""
    if not isinstance(within, list | tuple) or len(within) != 2:
        return False
    low, high = (real("an end of the range", end) for end in within)
    return low == 0 < high < math.inf


def require_entries(pixels: int, down: int, right: int) -> None:
    """Raise if the plans of one input would have more than MOST_ENTRIES entries.

    Raises:
        InputError: the message gives their number.
    """
    entries = pixels * (2 * down + 1) * (2 * right + 1)
    if entries > MOST_ENTRIES:
        raise InputError(
            f"a plan of {2 * down + 1} x {2 * right + 1} offsets for each of {pixels} pixels has {entries} entries, "
            f"more than {MOST_ENTRIES}; take a smaller window."
        )
