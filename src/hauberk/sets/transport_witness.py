"""Plans that show an image to be in reach, by linear programs."""

from math import inf

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from scipy.optimize import linprog
from scipy.sparse import csr_array, eye_array, hstack, vstack
from torch import Tensor

from hauberk.kernels.transport import images
from hauberk.kernels.transport_grid import Grid
from hauberk.sets.transport_limits import within_budget, within_cap

TOLERANCE = 1e-10
"""The solver's, of numbers up to about 1: what it says is checked afterwards."""


def cheapest(
    wanted: Float64[Tensor, "b n"],
    mass: Float64[Tensor, "b n"],
    cap: Float64[Tensor, "b"],
    radius: Float64[Tensor, "b"],
    near: Float64[Tensor, "b"],
    grid: Grid,
) -> Float64[Tensor, "b"]:
    """Return the costs of the cheapest plans of images that differ by at most `near` from those wanted, or infinity.

    A linear program per example, of as many variables as its pixels with mass have places in their windows, finds plans
    for half of `near`. What counts is the plan: its rows are made to sum to the mass exactly, its image is computed
    anew, and a cost is at most the radius only if a plan cut down to the radius still makes the image.
    """
    channels = (wanted - mass).view(len(mass), -1, grid.channel_size)
    moved = channels.abs().amax((1, 2)) > near
    kept = channels.sum(2).abs().amax(1) <= near * grid.channel_size
    cost = torch.where(moved, inf, 0).to(mass)
    maybe = (moved & kept).nonzero()[:, 0]
    if len(maybe):
        own = wanted[maybe], mass[maybe]
        plan = torch.stack([plan_of_one(w, m, float(s) / 2, grid) for w, m, s in zip(*own, near[maybe], strict=True)])
        paid = (plan * grid.cost).sum((1, 2))
        cut = within_cap(within_budget(plan, own[1], radius[maybe], grid), own[1], cap[maybe], grid)
        made, inside = (close(part, own[0], near[maybe], grid) for part in (plan, cut))
        cost[maybe] = torch.where(inside, paid.minimum(radius[maybe]), torch.where(made, paid, inf))
    return cost


def close(
    plan: Float64[Tensor, "b n k"], wanted: Float64[Tensor, "b n"], near: Float64[Tensor, "b"], grid: Grid
) -> Bool[Tensor, "b"]:
    """Return a mask of the plans whose images differ by at most `near` from those wanted."""
    return (grid.inside(images(plan, grid)) - wanted).abs().amax(1) <= near


def plan_of_one(wanted: Float64[Tensor, "n"], mass: Float64[Tensor, "n"], slack: float, grid: Grid) -> Tensor:
    """Return the cheapest plan of an image up to `slack`; if the solver finds none, that in which nothing moves."""
    plan = cheapest_of_one(wanted.cpu().numpy(), mass.cpu().numpy(), slack, grid)
    if plan is None:
        plan = np.zeros((len(mass), len(grid.cost)))
        plan[:, 0] = mass.cpu().numpy()
    return torch.from_numpy(plan).to(mass.device)


def cheapest_of_one(
    wanted: Float[np.ndarray, "n"], mass: Float[np.ndarray, "n"], slack: float, grid: Grid
) -> Float[np.ndarray, "n k"] | None:
    """Return the cheapest plan of one image, None if the solver finds none."""
    n, size = len(mass), mass.max()
    window, cost = grid.window.cpu().numpy(), grid.cost.cpu().numpy()
    number = np.full(grid.length, -1)
    number[grid.pixels.cpu().numpy()] = np.arange(n)
    source, offset = np.nonzero((number[window] >= 0) & (mass > 0)[:, None])
    target, pairs = number[window[source, offset]], np.arange(len(source))
    ones = np.ones(len(pairs))
    leaves = csr_array((ones, (source, pairs)), shape=(n, len(pairs)))
    arrives = csr_array((ones, (target, pairs)), shape=(n, len(pairs)))
    matrix = vstack([hstack([leaves, csr_array((n, n))]), hstack([arrives, eye_array(n)])]).tocsr()
    solved = linprog(
        np.concatenate([cost[offset], np.zeros(n)]),
        A_eq=matrix,
        b_eq=np.concatenate([mass, wanted]) / size,
        bounds=[(0, None)] * len(pairs) + [(-slack / size, slack / size)] * n,
        options={"primal_feasibility_tolerance": TOLERANCE, "dual_feasibility_tolerance": TOLERANCE},
    )
    if solved.x is None:
        return None
    plan = np.zeros((n, len(cost)))
    plan[source, offset] = np.maximum(solved.x[: len(pairs)], 0)
    sent = plan.sum(1, keepdims=True)
    return plan * np.divide(mass[:, None], sent, out=np.zeros_like(sent), where=sent > 0)
