"""HiGHS, a solver of linear programs."""

import math
from dataclasses import dataclass
from typing import Any

import highspy
import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_array, diags_array

from hauberk.programs.program import Ends, Program

LARGE = 2000
"""The number of constraints from which interior points beat the simplex method for a new cost."""

TOLERANCE = 1e-9
OPTIONS = {
    "output_flag": False,
    "threads": 1,
    "presolve": "off",
    "primal_feasibility_tolerance": TOLERANCE,
    "dual_feasibility_tolerance": TOLERANCE,
}
STATUS = highspy.HighsModelStatus


@dataclass(frozen=True)
class Solution:
    """A solver's answer about a program, none of which is to be trusted.

    Args:
        multipliers: those of the constraints at the optimum or, of an infeasible program, those that show it; None if
            the solver found neither.
        point: the variables at the optimum; None if the solver found none.
    """

    multipliers: Float[np.ndarray, "m"] | None
    point: Float[np.ndarray, "n"] | None


class Solver:
    """A solver of one program for one cost after another; the simplex method starts from the last solution.

    The solver gets a copy whose variables, constraints and cost are scaled by powers of two, so that variables range
    over about 1, and neither its tolerances nor the smallest coefficient that it keeps depend on the network's scale.

    Programs are not presolved: that took longer on these programs, and left multipliers wrong by a thousand tolerances.
    HiGHS runs in the calling thread and lets other threads of the interpreter run.

    Args:
        program: the program, which must not change afterwards.

    Source: Huangfu & Hall 2018 (HiGHS).
    """

    def __init__(self, program: Program) -> None:
        matrix, (lower, upper) = program.matrix(), program.ends
        ranges = upper - lower
        self.columns = power(np.where(ranges > 0, ranges, ranges.min(where=ranges > 0, initial=1.0)))
        matrix = csr_array(matrix @ diags_array(self.columns))
        self.rows = power(abs(matrix).max(1).toarray().ravel() if program.constraints else np.zeros(0))
        matrix = csr_array(diags_array(1 / self.rows) @ matrix) if program.constraints else matrix
        self.program, self.cost = program, np.zeros(0)
        self.highs: Any = highspy.Highs()  # its annotations are incomplete
        for name, value in OPTIONS.items():
            self.highs.setOptionValue(name, value)
        lp: Any = highspy.HighsLp()
        lp.num_col_ = lp.a_matrix_.num_col_ = program.variables
        lp.num_row_ = lp.a_matrix_.num_row_ = program.constraints
        lp.col_cost_ = np.zeros(program.variables)
        lp.col_lower_, lp.col_upper_ = lower / self.columns, upper / self.columns
        lp.row_lower_, lp.row_upper_ = (side / self.rows for side in program.sides)
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
        self.accepted = self.highs.passModel(lp) != highspy.HighsStatus.kError

    def minimize(
        self,
        cost: Float[np.ndarray, "n"],
        ends: Ends | None = None,
        seconds: float = math.inf,
    ) -> Solution:
        """Minimise <cost, variables> for at most `seconds`, between the program's ends or within others inside them."""
        if not self.accepted:
            return Solution(None, None)
        size, new = self.program.variables, not np.array_equal(cost, self.cost)
        scale = power(np.abs(cost * self.columns).max(initial=0.0, keepdims=True))
        if new:
            self.cost = cost
            self.highs.changeColsCost(size, np.arange(size, dtype=np.int32), cost * self.columns / scale)
        lower, upper = (end / self.columns for end in (ends or self.program.ends))
        self.highs.changeColsBounds(size, np.arange(size, dtype=np.int32), lower, upper)
        self.highs.setOptionValue("solver", "ipm" if new and self.program.constraints >= LARGE else "simplex")
        self.highs.setOptionValue("time_limit", self.highs.getRunTime() + seconds)  # the clock is never set back
        self.highs.run()
        status = self.highs.getModelStatus()
        if status == STATUS.kInfeasible:
            _status, found, ray = self.highs.getDualRay()
            return Solution(np.array(ray) / self.rows if found else None, None)
        if status != STATUS.kOptimal:
            return Solution(None, None)
        solution = self.highs.getSolution()
        return Solution(np.array(solution.row_dual) * scale / self.rows, np.array(solution.col_value) * self.columns)


def power(x: Float[np.ndarray, "*n"]) -> Float[np.ndarray, "*n"]:
    """Return the least power of two above |x|, within the numbers that have an inverse; 1 for 0."""
    return np.ldexp(1.0, np.clip(np.frexp(x)[1], -1000, 1000))
