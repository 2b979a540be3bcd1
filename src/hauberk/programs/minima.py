"""Minima of an example's rows by branch and bound over the pieces of its neurons."""

import heapq
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.certificate import Verdict
from hauberk.programs.encoding import Encoding
from hauberk.programs.program import Ends
from hauberk.programs.solver import Solver
from hauberk.programs.split import Pair, worst_pair
from hauberk.programs.weak_duality import WeakDuality


@dataclass(frozen=True, order=True)
class Region:
    """A part of the set, in which some of the neurons are kept to some of their pieces.

    Args:
        bound: a lower bound of the row on it.
        order: decides between equal bounds.
        ends: the ends of the variables.
        branch: the columns of the earlier and the later share of the pair to part next; None if there is none.
    """

    bound: float
    order: int
    ends: Ends = field(compare=False)
    branch: Pair | None = field(compare=False)


class Minima:
    """A search for the minima of one example's rows, and for points at which the network fails.

    Regions are parted at the knot of a neuron: beyond it the earlier share is 1, before it the later one 0. The region
    with the least bound is next, so that this bound holds on the whole set at any time. What bounds a region is weak
    duality, not the solver's word (`WeakDuality`); that it contains nothing is believed on the same ground only.

    Args:
        encoding: the network over the example's set.
        rows: the coefficients of the logits.
        offset: the constant of each row.
        error: the largest error of each row's value when the network runs.
        failure: returns the member of the set that an input stands for if the network itself fails there, else None.
        seconds: the time limit for all rows together.

    Source: Land & Doig 1960.
    """

    def __init__(
        self,
        encoding: Encoding,
        rows: Float[np.ndarray, "k classes"],
        offset: Float[np.ndarray, "k"],
        error: Float[np.ndarray, "k"],
        failure: Callable[[Float[np.ndarray, "n"]], Tensor | None],
        seconds: float,
    ) -> None:
        self.encoding, self.rows, self.offset, self.error, self.failure = encoding, rows, offset, error, failure
        self.inputs = len(encoding.program.lower[0])
        self.solver = Solver(encoding.program) if encoding.finite else None
        self.duality = WeakDuality(encoding)
        self.end = time.monotonic() + seconds
        self.failing: Tensor | None = None
        """A member at which the network fails; None until one is found."""
        self.late = False

    @property
    def verdict(self) -> Verdict:
        """The verdict of the search if the example is not proven."""
        if self.failing is not None:
            return Verdict.FALSIFIED
        return Verdict.TIMEOUT if self.late else Verdict.UNKNOWN

    def lower(self, k: int, *, sign: bool) -> float:
        """Return a lower bound of row k as the network runs: of its minimum or, with `sign`, one that settles its sign.

        A search for the sign alone ends at a bound that proves the row, or at a point where the network fails.
        """
        error, whole = float(self.error[k]), self.encoding.program.ends
        numbers = [error, self.offset[k], *self.encoding.cost(self.rows[k])]
        if self.solver is None or not np.isfinite(numbers).all():
            return -math.inf
        bound, branch = self.solved(self.solver, k, whole)
        regions = [Region(bound, 0, whole, branch)]
        while regions:
            least = regions[0]
            settled = sign and (least.bound > error or self.failing is not None)
            if settled or least.branch is None:
                return math.nextafter(least.bound - error, -math.inf)
            heapq.heappop(regions)
            for ends in parted(least.ends, least.branch):
                bound, branch = self.solved(self.solver, k, ends)
                if bound < math.inf:
                    heapq.heappush(regions, Region(max(bound, least.bound), len(regions), ends, branch))
        return -math.inf  # nothing is in the set, it seems: more than a proof should claim

    def solved(self, solver: Solver, k: int, ends: Ends) -> tuple[float, Pair | None]:
        """Return a lower bound of row k between these ends, inf if nothing lies there, and the pair to part next."""
        left = self.end - time.monotonic()
        self.late |= left <= 0
        if left <= 0:
            return -math.inf, None
        cost = self.encoding.cost(self.rows[k])
        found = solver.minimize(cost, ends, left)
        if found.multipliers is None:
            return -math.inf, None
        if found.point is None:
            return math.inf if self.duality.empty(found.multipliers, ends) else -math.inf, None
        bound = self.duality.bound(self.rows[k], float(self.offset[k]), found.multipliers, ends)
        point = found.point.clip(*ends)  # so that no pair is parted twice, whatever the solver tolerates
        if self.failing is None and bound <= self.error[k]:
            self.failing = self.failure(point[: self.inputs])
        arriving = self.encoding.arriving(cost, found.multipliers)
        return bound, worst_pair(self.encoding.splits, arriving, point)


def parted(ends: Ends, pair: Pair) -> tuple[Ends, Ends]:
    """Return the ends of the variables beyond and before the knot between two pieces."""
    (lower, upper), (earlier, later) = (end.copy() for end in ends), pair
    lower[earlier], upper[later] = 1.0, 0.0
    return (lower, ends[1]), (ends[0], upper)
