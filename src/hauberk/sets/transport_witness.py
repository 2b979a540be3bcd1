"""Plans that show an image to be in reach, by linear programs."""

from math import inf

import numpy as np
import torch
from jaxtyping import Float, Float64
from scipy.optimize import linprog
from scipy.sparse import csr_array, eye_array, hstack, vstack
from torch import Tensor

from hauberk.kernels.transport import images
from hauberk.kernels.transport_grid import Grid
from hauberk.sets.transport_limits import within_budget, within_cap

TOLERANCE = 1e-10
"""The solver's, of numbers up to about 1: what it says is checked afterwards."""


def costs(
    wanted: Float64[Tensor, "b n"],
    mass: Float64[Tensor, "b n"],
    cap: Float64[Tensor, "b"],
    radius: Float64[Tensor, "b"],
    near: Float64[Tensor, "b"],
    grid: Grid,
) -> Float64[Tensor, "b"]:
    """Return the costs of the cheapest plans of images that differ by at most `near` from those wanted, or infinity.

    What counts is the plan that a linear program finds for half of `near`: its image is computed anew, and its cost is
    at most the radius only if the plan still makes the image after it has been cut down to the radius.
    """
    channels = (wanted - mass).view(len(mass), mass.shape[1] // grid.channel_size, grid.channel_size)
    moved = channels.abs().amax((1, 2)) > near
    kept = channels.sum(2).abs().amax(1) <= near * grid.channel_size
    cost = torch.where(moved, inf, 0).to(mass)
    maybe = (moved & kept).nonzero()[:, 0]
    if len(maybe):
        asked, own, most, close = wanted[maybe], mass[maybe], radius[maybe], near[maybe]
        plan = cheapest(asked, own, close / 2, cap[maybe], grid)
        cut = within_cap(within_budget(plan, own, most, grid), own, cap[maybe], grid)
        paid = (plan * grid.cost).sum((1, 2))
        made, inside = ((grid.inside(images(each, grid)) - asked).abs().amax(1) <= close for each in (plan, cut))
        cost[maybe] = torch.where(inside, paid.minimum(most), torch.where(made, paid, inf))
    return cost


def cheapest(
    wanted: Float64[Tensor, "b n"],
    mass: Float64[Tensor, "b n"],
    slack: Float64[Tensor, "b"],
    cap: Float64[Tensor, "b"],
    grid: Grid,
) -> Float64[Tensor, "b n k"]:
    """Return the cheapest plans of images that differ by at most `slack` from those wanted; nothing moves without one.

    No pixel gets more than the cap. Takes a linear program per example, of as many variables as its pixels with mass
    have places in their windows.
    """
    found = torch.zeros(*mass.shape, len(grid.cost), dtype=torch.float64)
    found[:, :, 0] = mass
    for e in range(len(mass)):
        if not mass[e].any():  # a black image, which no program has to scale
            continue
        plan = cheapest_of_one(wanted[e].cpu().numpy(), mass[e].cpu().numpy(), float(slack[e]), float(cap[e]), grid)
        if plan is not None:
            found[e] = torch.from_numpy(plan)
    return found.to(mass.device)


def cheapest_of_one(
    wanted: Float[np.ndarray, "n"], mass: Float[np.ndarray, "n"], slack: float, cap: float, grid: Grid
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
    least = np.clip(wanted - cap, -slack, slack)  # of what is wanted and does not arrive
    matrix = vstack([hstack([leaves, csr_array((n, n))]), hstack([arrives, eye_array(n)])]).tocsr()
    solved = linprog(
        np.concatenate([cost[offset], np.zeros(n)]),
        A_eq=matrix,
        b_eq=np.concatenate([mass, wanted]) / size,
        bounds=[(0, None)] * len(pairs) + [(low / size, slack / size) for low in least],
        options={"primal_feasibility_tolerance": TOLERANCE, "dual_feasibility_tolerance": TOLERANCE},
    )
    if solved.x is None:
        return None
    plan = np.zeros((n, len(cost)))
    plan[source, offset] = np.maximum(solved.x[: len(pairs)], 0)
    sent = plan.sum(1, keepdims=True)
    return plan * np.divide(mass[:, None], sent, out=np.zeros_like(sent), where=sent > 0)
