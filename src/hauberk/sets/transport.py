"""The nearest image that transport within a budget can make."""

from dataclasses import dataclass, fields
from math import inf

import torch
from jaxtyping import Bool, Float64, Int
from torch import Tensor

from hauberk.concepts.radius import per_example
from hauberk.kernels.transport import descend, images, priced
from hauberk.kernels.transport_grid import Grid
from hauberk.sets.transport_limits import within_budget, within_cap

ROUNDING = 2.0**-48
"""The share of an objective's terms that rounding may take from a duality gap."""
FAR = 1e9
"""The largest distance of values wanted, in units of the image's mass, whose difference from farther ones counts."""
SMALL = 1e-3
"""The least share of half a squared distance that a gap is measured by, where images at rest are as near as any."""
MOST = 200
"""Rounds of up to 128 passes: more than images near their set have been seen to need."""


@dataclass
class Search:
    """Plans on their way to the nearest images, a row per example.

    `rich` and `lean` are the latest plans found to cost more and at most the budget, each at a price of cost, `low` and
    `high`; what the nearest image needs lies between them.
    """

    own: Int[Tensor, "b"]
    mass: Float64[Tensor, "b n"]
    wanted: Float64[Tensor, "b p"]
    cap: Float64[Tensor, "b"]
    radius: Float64[Tensor, "b"]
    apart: Float64[Tensor, "b"]
    near: Float64[Tensor, "b"]
    stiffness: Float64[Tensor, "b"]
    plan: Float64[Tensor, "b n k"]
    arrived: Float64[Tensor, "b p"]
    excess: Float64[Tensor, "b p"]
    price: Float64[Tensor, "b"]
    rich: Float64[Tensor, "b n k"]
    lean: Float64[Tensor, "b n k"]
    low: Float64[Tensor, "b"]
    high: Float64[Tensor, "b"]
    over: Float64[Tensor, "b"]
    under: Float64[Tensor, "b"]
    side: Int[Tensor, "b"]

    def select(self, index: Bool[Tensor, "b"]) -> "Search":
        """Return the rows of some examples."""
        return Search(*(getattr(self, part.name)[index] for part in fields(self)))


def nearest(
    wanted: Float64[Tensor, "b n"],
    mass: Float64[Tensor, "b n"],
    cap: Float64[Tensor, "b"],
    radius: Float64[Tensor, "b"],
    grid: Grid,
    tolerance: float,
    near: Float64[Tensor, "b"] | float = 0.0,
) -> Float64[Tensor, "b n k"]:
    """Return plans of cost at most `radius` whose images are nearest to those wanted, and nowhere above the cap.

    Block coordinate descent finds the image at a given price of cost, and the Illinois method the price at which the
    cost is the radius. An example is done once the duality gap of 1/2 |wanted - image|^2 is at most `tolerance` of what
    it is and of what it has become less by, up to rounding, or as small as that of an image `near` the nearest one, or
    after MOST rounds.

    Args:
        wanted: the images wanted.
        mass: the pixels' mass, 1 in all; the image if nothing moves.
        cap: the largest value of a pixel, at least the mass; infinite for none.
        radius: the largest costs.
        grid: the geometry.
        tolerance: the duality gap's share.
        near: Euclidean distances that count as rounding.
    """
    wanted = nearer(wanted, mass)
    still = torch.zeros(*mass.shape, len(grid.cost), dtype=mass.dtype, device=mass.device)
    still[:, :, 0] = mass
    out, apart, zero = still.clone(), (wanted - mass).abs().amax(1), torch.zeros_like(cap)
    start = (still.clone(), grid.padded(mass), grid.padded(torch.zeros_like(mass)), 0.3 * apart)
    state = Search(
        *(torch.arange(len(mass), device=mass.device), mass, grid.padded(wanted, -inf), cap, radius),
        *(apart, zero + near, (apart / cap).clamp(min=1), *start, still, still.clone()),
        *(zero, zero + inf, zero + inf, -radius, zero.long()),
    )
    for number in range(MOST):
        if not len(state.own):
            break
        best, done = advance(state, grid, tolerance, min(4 + 2 * number, 128))
        out[state.own] = best
        state = state.select(~done)
    return within_cap(within_budget(out, mass, radius, grid), mass, cap, grid)


def nearer(wanted: Float64[Tensor, "b n"], mass: Float64[Tensor, "b n"]) -> Float64[Tensor, "b n"]:
    """Return the images wanted, moved towards those at rest to where digits still tell masses apart.

    So far out, the nearest image has become the one that is worth most in the direction of what is wanted.
    """
    pull = wanted.clamp(-1e300, 1e300) - mass
    return mass + pull * (FAR / pull.abs().amax(1, keepdim=True)).clamp(max=1)


def advance(s: Search, grid: Grid, tolerance: float, passes: int) -> tuple[Float64[Tensor, "b n k"], Bool[Tensor, "b"]]:
    """Do a round of passes and move the prices; return the best plans, and a mask of the examples that are done."""
    descend(s.plan, s.arrived, s.excess, s.wanted, s.mass, s.cap, s.price, s.stiffness, grid, passes)
    # Objectives are counted from that of the image at rest, which may be larger than all digits of their differences.
    pull, move = (grid.inside(part) - s.mass for part in (s.wanted, s.arrived))
    half = move.square().sum(1) / 2
    s.excess = lowered(s, grid)
    bound = lower_bound(s, s.arrived, grid)
    paid = (s.plan * grid.cost).sum((1, 2))
    reached = half - (pull * move).sum(1) + s.price * (paid - s.radius)
    best = within_cap(within_budget(blended(s, paid, grid), s.mass, s.radius, grid), s.mass, s.cap, grid, 2)
    made = images(best, grid)
    moved = grid.inside(made) - s.mass
    objective = moved.square().sum(1) / 2 - (pull * moved).sum(1)
    half = (pull - moved).square().sum(1) / 2
    scale = torch.minimum(-objective, half).maximum(SMALL * half)
    apart = (paid - s.radius).abs()
    slight = torch.where(s.price > 0, 0.2 * s.price * apart, 1e-3 * scale * (apart / s.radius).clamp(max=1))
    known = (reached - bound).abs() <= torch.maximum(slight, 0.3 * tolerance * scale)
    overflow = (move + s.mass - s.cap[:, None]).clamp(min=0).sum(1)
    settled = known & (overflow <= torch.maximum(0.05 * apart, 0.01 * tolerance * s.radius))
    reprice(s, paid, settled)
    rounding = ROUNDING * ((pull * moved).abs().sum(1) + s.mass.amax(1) / 16)
    enough = torch.maximum(tolerance * scale, rounding).maximum(s.near.square() / 2)
    return best, objective - lower_bound(s, made, grid) <= enough


def lowered(s: Search, grid: Grid) -> Float64[Tensor, "b p"]:
    """Return multipliers of the cap, those of pixels below it lowered until another pixel's mass is about to come."""
    value = s.wanted - s.excess - s.arrived
    best = (value[:, grid.window] - s.price[:, None, None] * grid.cost).amax(2)
    best = grid.padded(torch.where(s.mass > 0, best, inf), inf)
    sources = grid.pixels[:, None] - grid.offsets
    sent = s.plan[:, grid.places[sources], torch.arange(len(grid.cost), device=best.device)]
    spent = sent >= grid.padded(s.mass)[:, sources] * (1 - 1e-9)  # nothing is left to come
    asked = best[:, sources] + s.price[:, None, None] * grid.cost
    least = torch.where(spent, inf, asked).amin(2)
    wish = grid.padded((grid.inside(s.wanted - s.arrived) - least).clamp(min=0))
    return torch.where(s.arrived < s.cap[:, None] * (1 - 1e-9), torch.minimum(wish, s.excess), s.excess)


def lower_bound(s: Search, image: Float64[Tensor, "b p"], grid: Grid) -> Float64[Tensor, "b"]:
    """Return a lower bound of the objectives: that of what is linear in them around an image."""
    _, gain = priced(s.plan, s.wanted - s.excess - image, s.mass, s.price, grid)
    half = (grid.inside(image) - s.mass).square().sum(1) / 2
    return -tolls(s, s.excess, grid) - s.price * s.radius - gain - half


def tolls(s: Search, excess: Float64[Tensor, "b p"], grid: Grid) -> Float64[Tensor, "b"]:
    """Return the sum of multipliers times what pixels at rest have left below the cap."""
    inside = grid.inside(excess)
    return torch.where(inside > 0, inside * (s.cap[:, None] - s.mass), 0).sum(1)


def blended(s: Search, paid: Float64[Tensor, "b"], grid: Grid) -> Float64[Tensor, "b n k"]:
    """Return the present plans, blended with the latest ones on the other side of the budget so that they cost it."""
    other = torch.where(per_example(paid > s.radius, s.plan), s.lean, s.rich)
    cost = (other * grid.cost).sum((1, 2))
    share = ((s.radius - cost) / torch.where(paid == cost, 1, paid - cost)).clamp(0, 1)
    narrow = (s.high - s.low <= 1e-3 * s.high) & (paid != cost)
    return torch.lerp(other, s.plan, per_example(torch.where(narrow, share, 1), other))


def reprice(s: Search, paid: Float64[Tensor, "b"], settled: Bool[Tensor, "b"]) -> None:
    """Move the prices of plans that have settled into their brackets, which they narrow."""
    too_much = paid - s.radius
    over, under = settled & (too_much > 0), settled & (too_much <= 0)
    s.rich, s.lean = (torch.where(per_example(m, s.plan), s.plan, old) for m, old in ((over, s.rich), (under, s.lean)))
    s.low, s.over = torch.where(over, s.price, s.low), torch.where(over, too_much, s.over)
    s.high, s.under = torch.where(under, s.price, s.high), torch.where(under, too_much, s.under)
    s.under = torch.where(over & (s.side == 1), s.under / 2, s.under)
    s.over = torch.where(under & (s.side == -1), s.over / 2, s.over)
    # Shut, though not done: one end was wrong, of a plan that had not quite settled.
    shut = s.high.isfinite() & (s.high - s.low <= 1e-11 * s.high)
    s.high, s.under = torch.where(over & shut, s.price * (1 + 1e-3), s.high), torch.where(over & shut, -s.over, s.under)
    s.low, s.over = torch.where(under & shut, s.price * (1 - 1e-3), s.low), torch.where(under & shut, -s.under, s.over)
    s.side = torch.where(settled, over.long() - under.long(), s.side)
    root = (s.high * s.over - s.low * s.under) / torch.where(s.over > s.under, s.over - s.under, 1)
    root = torch.where((s.low < root) & (root < s.high), root, (s.low + s.high) / 2)
    less = torch.where((s.price > 1e-4 * s.apart) & (s.stiffness > 1), 0.25 * s.price, 0)
    ahead = torch.where(s.over.isinf(), less, torch.where(s.high.isinf(), 4 * s.price, root))
    s.price = torch.where(settled, ahead, s.price)
