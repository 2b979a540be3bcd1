"""Small transport problems, and linear programs that answer questions about them independently."""

import itertools
import math

import numpy as np
import torch
from scipy.optimize import linprog
from torch import Tensor

PRECISE = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


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


def distance(x: Tensor, z: Tensor, window: int = 5, p: float = 1.0) -> float:
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
