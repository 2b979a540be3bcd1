"""Tolls on full pixels, which bound what transport is worth when no pixel may get more than a cap."""

from math import inf

import torch
from jaxtyping import Bool, Float64, Int
from torch import Tensor

from hauberk.kernels.rows import COMPILED, arrays
from hauberk.kernels.threads import in_threads
from hauberk.kernels.transport_grid import Grid
from hauberk.kernels.transport_support import Values, support_and_price

TIE = 1e-9
MARGINS = (TIE, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0)
"""The sums by which bids exceed the best other offer, a round each, as shares of the values' range.

The first tells apart where nothing overflows from where places that are worth as much might; it is not 0, at which no
bid is made for them.
"""
SWEEPS = 2


def tolls(
    values: Values,
    owner: Int[Tensor, "r"],
    mass: Float64[Tensor, "b n"],
    cap: Float64[Tensor, "b"],
    radius: Float64[Tensor, "b"],
    grid: Grid,
) -> Values:
    """Return tolls t >= 0 that make support(values - t) + cap * sum(t) small.

    For any tolls this bounds the support function of the images that nowhere exceed the cap; the smallest bound is that
    support function, the minimum over splits of the values in two. An auction finds tolls near it: pixels that get more
    than the cap raise theirs until enough mass prefers another place. Of all rounds, the best tolls are returned.

    Args:
        values: the worth of a unit of mass in each pixel.
        owner: the example that each row belongs to.
        mass: the pixels' mass.
        cap: the largest value of a pixel, at least the mass; infinite for none.
        radius: the largest costs.
        grid: the geometry.

    Source: Bertsekas 1988 (auctions for assignment and transportation problems).
    """
    out = torch.zeros_like(values)
    index = (cap[owner].isfinite() & values.isfinite().all(1)).nonzero()[:, 0]
    rows, toll = values[index], out[index]
    best, price = support_and_price(rows, owner[index], mass, radius, grid).unbind(1)
    spread = rows.amax(1) - rows.amin(1) if len(rows) else best
    for margin in MARGINS:
        moved = bid(rows, owner[index], mass, cap, price.contiguous(), margin * spread, toll, grid)
        if margin <= TIE and not moved.all():  # nothing overflows, or no better toll is in reach
            index, rows, toll, best, spread = (part[moved] for part in (index, rows, toll, best, spread))
        if not len(index):
            break
        found, price = support_and_price(rows - toll, owner[index], mass, radius, grid).unbind(1)
        found = found + cap[owner[index]] * toll.sum(1)
        better = found < best
        best = torch.where(better, found, best)
        out[index[better]] = toll[better]
    return out


def bid(
    values: Values,
    owner: Int[Tensor, "r"],
    mass: Float64[Tensor, "b n"],
    cap: Float64[Tensor, "b"],
    price: Float64[Tensor, "r"],
    margin: Float64[Tensor, "r"],
    toll: Values,
    grid: Grid,
) -> Bool[Tensor, "r"]:
    """Move the tolls in place, and return a mask of the rows that had any to move.

    A pixel that is full, or has a toll, gets the least toll at which the mass that prefers it by more than minus the
    margin fits below the cap, and the margin on top. Pixels follow each other colour by colour, there and back.

    Args:
        values: the worth of a unit of mass in each pixel.
        owner: the example that each row belongs to.
        mass: the pixels' mass.
        cap: the largest value of a pixel.
        price: the price of a unit of cost.
        margin: what bids exceed the best other offer by.
        toll: the tolls.
        grid: the geometry.
    """
    changed = torch.zeros(len(values), dtype=torch.bool, device=values.device)
    if COMPILED and values.device.type == "cpu":
        from hauberk.kernels import compiled_transport_bids

        tables = arrays(values, owner, mass, cap, price, margin, grid.pixels, grid.order, grid.offsets, grid.cost)
        rest = (grid.length, SWEEPS, toll.numpy(), changed.numpy())
        in_threads(compiled_transport_bids.bid, len(values), *tables, *rest, grain=4)
        return changed
    weight = grid.padded(mass)[owner]
    for sweep in range(SWEEPS):
        for colour in grid.colours if sweep % 2 == 0 else reversed(grid.colours):
            new = asked(values, cap[owner] * (1 + 1e-12), weight, price, margin, toll, colour, grid)
            changed |= (new != toll[:, colour]).any(1)
            toll[:, colour] = new
    return changed


def asked(
    values: Values,
    cap: Float64[Tensor, "r"],
    weight: Float64[Tensor, "r p"],
    price: Float64[Tensor, "r"],
    margin: Float64[Tensor, "r"],
    toll: Values,
    colour: Int[Tensor, "c"],
    grid: Grid,
) -> Float64[Tensor, "r c"]:
    """Return the tolls that pixels of one colour ask, computed with torch's own operations."""
    toward = price[:, None, None] * grid.cost
    found = grid.padded(values - toll, -inf)[:, grid.window] - toward
    two, at = found.topk(min(2, found.shape[2]), dim=2)
    top, second = (grid.padded(part, inf) for part in (two[:, :, 0], two[:, :, -1]))
    choice = grid.padded(at[:, :, 0].double(), -1)
    sources = (grid.pixels[colour][:, None] - grid.offsets).clamp(0, grid.length - 1)
    chosen = choice[:, sources] == torch.arange(len(grid.cost), device=values.device)
    mass = weight[:, sources]
    gained = values[:, colour, None] - toward - torch.where(chosen, second[:, sources], top[:, sources])
    gained = torch.where((mass > 0) & (gained > -margin[:, None, None]), gained, -inf)
    edge, order = gained.sort(dim=2, descending=True, stable=True)
    total = torch.where(edge > -inf, mass.gather(2, order), 0).cumsum(2)
    full = total > cap[:, None, None]
    new = edge.gather(2, full.long().argmax(2, keepdim=True))[:, :, 0] + margin[:, None]
    new = torch.where(full.any(2), new, 0).clamp(min=0)
    busy = ((mass * chosen).sum(2) > cap[:, None]) | (toll[:, colour] > 0)
    return torch.where(busy, new, toll[:, colour])
