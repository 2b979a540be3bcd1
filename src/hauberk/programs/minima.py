"""Minima of an example's rows over a mixed-integer program."""

import math
import time
from collections.abc import Callable

import highspy
import numpy as np
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.certificate import Verdict
from hauberk.programs.encoding import Encoding
from hauberk.programs.solver import Solver

SLACK = 1e-7
"""The allowance for the solver's tolerances that is subtracted from a bound; relative for bounds of size above 1."""

STATUS = highspy.HighsModelStatus
ANSWERS = (STATUS.kOptimal, STATUS.kTimeLimit, STATUS.kInterrupt, STATUS.kObjectiveTarget)


class Minima:
    """A search for the minima of one example's rows, and for points at which the network fails.

    Args:
        encoding: the network over the example's set.
        rows: the coefficients of the logits.
        offset: the constant of each row.
        error: the largest error of each row's value when the network runs.
        failure: returns the member of the set that an input stands for if the network itself fails there, else None.
        seconds: the time limit for all rows together.
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

        A search for the sign alone ends at a bound that proves the row, or at a point whose value lies so far below
        zero that the network should fail there; if it does not, the search continues.
        """
        if self.solver is None:
            return -math.inf
        constant = float(self.encoding.logits.constant @ self.rows[k] + self.offset[k])
        cost, error, bound = self.encoding.cost(self.rows[k]), float(self.error[k]), -math.inf
        above = error + 2 * SLACK * max(1.0, error) - constant if sign else math.inf
        for below in (-error - constant, -math.inf) if sign else (-math.inf,):
            left = self.end - time.monotonic()
            self.late |= left <= 0
            if left <= 0:
                break
            status = self.solver.minimize(cost, left, below=below, above=above)
            self.late |= status == STATUS.kTimeLimit
            if status not in ANSWERS:
                break
            if math.isfinite(found := self.solver.bound()):  # infinite without a solution; a network has one
                bound = max(bound, found + constant)
            point = self.solver.point()
            if point is not None and self.failing is None:
                self.failing = self.failure(point[: self.inputs])
            if self.failing is not None or status != STATUS.kObjectiveTarget:
                break
        return bound - SLACK * max(1.0, abs(bound)) - error
