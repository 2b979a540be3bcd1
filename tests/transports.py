"""Images that mass moves in, and linear programs about them, for several tests."""

import math

import numpy as np
import torch
from scipy.optimize import linprog
from scipy.sparse import coo_array, eye_array, hstack, vstack

from hauberk.kernels.transport_grid import grid


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
    exact = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    found = linprog(prices, A_eq=rows, b_eq=ends, options=exact)
    assert found.status == 0, found.message
    return float(cost @ found.x[:size]), float(found.x[size:].sum())


def worth(values, mass, radius, geometry):
    """Return the largest worth of an image that the radius allows, by a program."""
    source, target, cost = pairs(mass, geometry)
    leaves = coo_array((np.ones(len(source)), (source, np.arange(len(source)))), shape=(len(mass), len(source)))
    found = linprog(-values.numpy()[target], A_ub=cost[None], b_ub=[radius], A_eq=leaves, b_eq=mass.numpy())
    assert found.status == 0, found.message
    return -found.fun
