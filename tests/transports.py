"""Images that mass moves in, and linear programs about them, for several tests.

The first few take kernels' own geometry; those from `moves` on build theirs from the shape alone.
"""

import itertools
import math

import numpy as np
import torch
from scipy.optimize import linprog
from scipy.sparse import coo_array, eye_array, hstack, vstack
from torch import Tensor

from hauberk.kernels.transport_grid import grid

PRECISE = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


def grid_of(shape, side=3):
    """Return the grid of windows of this side, in which moving costs the Euclidean distance."""
    reach = range(-(side // 2), side // 2 + 1)
    return grid(shape, tuple(tuple(math.hypot(a, b) for b in reach) for a in reach), torch.device("cpu"))


def digits(count, n, seed=0, share=0.4):
    """Return images of mass 1, most pixels of which are black."""
    drawn = torch.rand(2, count, n, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    mass = drawn[0] * (drawn[1] < share)
    mass[:, 0] += 0.1
    return mass / mass.sum(1, keepdim=True)


def pairs(mass, geometry):
    """Return which pixel sends to which, at what cost, of one image."""
    number = torch.full((geometry.length,), -1)
    number[geometry.pixels] = torch.arange(len(geometry.pixels))
    to = number[geometry.window]
    source, offset = ((to >= 0) & (mass > 0)[:, None]).nonzero().T.numpy()
    return source, to.numpy()[source, offset], geometry.cost.numpy()[offset]


def distance(image, mass, geometry):
    """Return the least cost that turns the mass into an image, and the mass without a counterpart, by a program."""
    source, target, cost = pairs(mass, geometry)
    n, size = len(mass), len(source)
    leaves, arrives = (coo_array((np.ones(size), (at, np.arange(size))), shape=(n, size)) for at in (source, target))
    none, eye = coo_array((n, n)), eye_array(n)
    rows = vstack([hstack([leaves, none, none]), hstack([arrives, eye, -eye])])
    prices = np.concatenate([cost, np.full(2 * n, 100.0)])
    ends = np.concatenate([mass.numpy(), image.numpy()])
    found = linprog(prices, A_eq=rows, b_eq=ends, options=PRECISE)
    assert found.status == 0, found.message
    return float(cost @ found.x[:size]), float(found.x[size:].sum())


def worth(values, mass, radius, geometry):
    """Return the largest worth of an image that the radius allows, by a program."""
    source, target, cost = pairs(mass, geometry)
    leaves = coo_array((np.ones(len(source)), (source, np.arange(len(source)))), shape=(len(mass), len(source)))
    found = linprog(-values.numpy()[target], A_ub=cost[None], b_ub=[radius], A_eq=leaves, b_eq=mass.numpy())
    assert found.status == 0, found.message
    return -found.fun


def pictures(count: int, shape: tuple[int, ...], seed: int = 0, dark: float = 0.4) -> Tensor:
    """Return random images in [0, 1], float64, of which a share of the pixels is black."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.rand(count, *shape, generator=generator, dtype=torch.float64)
    return x * (torch.rand(x.shape, generator=generator) > dark)


def moves(shape: tuple[int, ...], window: int, p: float = 1.0) -> list[tuple[int, int, float]]:
    """Return all allowed moves within an image: from pixel, to pixel, cost."""
    channels, height, width = shape
    half, found = window // 2, []
    for c, i, j in itertools.product(range(channels), range(height), range(width)):
        for a, b in itertools.product(range(-half, half + 1), repeat=2):
            if 0 <= i + a < height and 0 <= j + b < width:
                number = (c * height + i) * width + j
                found.append((number, number + a * width + b, math.hypot(a, b) ** p))
    return found


def incidence(allowed: list[tuple[int, int, float]], n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the matrices of what leaves and what arrives, and the costs."""
    leaves, arrives = np.zeros((n, len(allowed))), np.zeros((n, len(allowed)))
    for number, (start, end, _) in enumerate(allowed):
        leaves[start, number] = arrives[end, number] = 1
    return leaves, arrives, np.array([cost for _, _, cost in allowed])


def distance_of_images(x: Tensor, z: Tensor, window: int = 5, p: float = 1.0) -> float:
    """Return the transport distance of two images; unmatched mass costs 100 a unit."""
    n, total = x.numel(), float(x.sum())
    leaves, arrives, cost = incidence(moves(tuple(x.shape), window, p), n)
    wall = np.zeros((n, n))
    equal = np.block([[leaves, wall, wall], [arrives, np.eye(n), -np.eye(n)]])
    sums = torch.cat([x.flatten(), z.flatten()]).numpy() / total
    return linprog(np.concatenate([cost, np.full(2 * n, 100.0)]), A_eq=equal, b_eq=sums, options=PRECISE).fun


def largest(x: Tensor, c: Tensor, eps: float, window: int = 5, most: float = math.inf) -> float:
    """Return the largest <c, z> over the ball around x, with no pixel above `most`."""
    n, total = x.numel(), float(x.sum())
    leaves, arrives, cost = incidence(moves(tuple(x.shape), window), n)
    rows, sides = [cost[None]], [np.array([eps])]
    if most < math.inf:
        rows, sides = [*rows, arrives], [*sides, np.full(n, most / total)]
    worth = c.flatten().numpy() @ arrives
    equal = {"A_eq": leaves, "b_eq": x.flatten().numpy() / total}
    below = {"A_ub": np.concatenate(rows), "b_ub": np.concatenate(sides)}
    return -linprog(-worth, **equal, **below, options=PRECISE).fun * total
