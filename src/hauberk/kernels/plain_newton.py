"""Entropic plans at given dual variables, and Newton's step for these, with torch's own operations."""

from math import inf
from typing import NamedTuple

import torch
from jaxtyping import Float64
from torch import Tensor

from hauberk.kernels.transport import images
from hauberk.kernels.transport_grid import Grid

MOST_PRICES, MOST_STEPS = 100, 200
PerExample = Float64[Tensor, "b"]


class Sent(NamedTuple):
    """Plans, with their price and cost.

    Args:
        shares: each pixel's shares of its window.
        price: the price of a unit of cost.
        paid: the plan's cost.
        spread: how fast the cost falls as the price rises.
        logs: the sum of mass * log of the sum of exp(dual variable - price * cost).
    """

    shares: Float64[Tensor, "b n k"]
    price: PerExample
    paid: PerExample
    spread: PerExample
    logs: PerExample


def plan_at(
    dual: Float64[Tensor, "b p"],
    mass: Float64[Tensor, "b n"],
    radius: PerExample,
    start: PerExample,
    slack: float,
    grid: Grid,
) -> Sent:
    """Return the plans at the least price within the budget, up to twice the slack's share of it.

    Newton's method on the logarithm of the cost, in a bracket.
    """
    value = dual[:, grid.window]
    parts = value.split([int(size) for size in grid.levels.diff()], 2)
    heap = torch.stack([part.logsumexp(2) for part in parts], 2)
    low, high, price = torch.full_like(start, -1), torch.full_like(start, inf), start
    for _ in range(MOST_PRICES):
        term = heap - price[:, None, None] * grid.level_cost
        share = term.softmax(2)
        mean = (share * grid.level_cost).sum(2)
        paid = (mass * mean).sum(1)
        spread = (mass * ((share * grid.level_cost.square()).sum(2) - mean.square()).clamp(min=0)).sum(1)
        low, high = torch.where(paid > radius, price, low), torch.where(paid <= radius, price, high)
        enough = (paid <= radius) & ((price == 0) | (paid >= radius * (1 - 2 * slack)))
        shut = high.isfinite() & (high - low <= 1e-15 * high)
        if (enough | shut | paid.isnan()).all():
            break
        known = (paid > 0) & (spread > 0)
        ahead = price + (paid / (radius * (1 - slack))).log() * paid / spread
        ahead = torch.where(known, ahead.clamp(min=0), -inf)
        beyond = torch.where(ahead > price, torch.minimum(ahead, 4 * price + 16), 2 * price + 1)
        within = torch.where((low < ahead) & (ahead < high), ahead, ((low + high) / 2).clamp(min=0))
        price = torch.where(enough, price, torch.where(high.isinf(), beyond, within))
    price = torch.where(high.isfinite(), high, price)
    value = value - price[:, None, None] * grid.cost
    shares = value.softmax(2)
    mean = (shares * grid.cost).sum(2)
    spread = (mass * ((shares * grid.cost.square()).sum(2) - mean.square()).clamp(min=0)).sum(1)
    logs = torch.where(mass > 0, mass * value.logsumexp(2), 0).sum(1)
    return Sent(shares, price, (mass * mean).sum(1), spread, logs)


def newton_step(
    sent: Sent,
    image: Float64[Tensor, "b p"],
    slope: Float64[Tensor, "b p"],
    mass: Float64[Tensor, "b n"],
    least: PerExample,
    accuracy: PerExample,
    grid: Grid,
) -> Float64[Tensor, "b p"]:
    """Return the steps of the dual variables that leave at most this part of the slope, by conjugate gradients.

    The objective's curvature is `least` plus the covariance of where mass arrives, less what the price, which follows,
    takes up.
    """
    shares, weighed = sent.shares, sent.shares * mass[:, :, None]
    away = grid.cost - (shares * grid.cost).sum(2, keepdim=True)
    follows = ((sent.price > 0) & (sent.spread > 0))[:, None]
    lean = torch.where(follows, images(weighed * away, grid) / sent.spread.where(follows[:, 0], 1).sqrt()[:, None], 0)
    scale = 1 / (least[:, None] + (image - images(weighed * shares, grid)).clamp(min=0))
    step, left = torch.zeros_like(slope), -slope
    ahead = scale * left
    size = (left * ahead).sum(1)
    enough = accuracy.square() * size
    for _ in range(MOST_STEPS):
        open_ = size > enough
        if not open_.any():
            break
        mean = (shares * ahead[:, grid.window]).sum(2)
        bent = (least[:, None] + image) * ahead - images(weighed * mean[:, :, None], grid)
        bent = bent - lean * (lean * ahead).sum(1, keepdim=True)
        # Pixels that no mass reaches have no slope and stay where they are.
        curve = (ahead * bent).sum(1)
        open_ &= curve > 0
        length = torch.where(open_, size / curve.where(open_, 1), 0)[:, None]
        step, left = step + length * ahead, left - length * bent
        size, old = torch.where(open_, (scale * left.square()).sum(1), 0), size
        ahead = torch.where(open_[:, None], scale * left + (size / old.where(open_, 1))[:, None] * ahead, 0)
    return step
