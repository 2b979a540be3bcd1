"""HiGHS, a solver of linear and mixed-integer programs."""

import math
from collections.abc import Callable
from typing import Any

import highspy
import numpy as np
from jaxtyping import Float

from hauberk.programs.program import Program

LARGE = 2000
"""The number of constraints from which interior points beat the simplex method, though they cannot be warm-started."""

TOLERANCE = 1e-9
OPTIONS = {
    "output_flag": False,
    "threads": 1,
    "primal_feasibility_tolerance": TOLERANCE,
    "dual_feasibility_tolerance": TOLERANCE,
    "mip_feasibility_tolerance": TOLERANCE,
    "mip_rel_gap": 0.0,
    "mip_abs_gap": TOLERANCE,
}


class Solver:
    """A solver of one program for one cost after another; the simplex method starts from the last solution.

    Linear programs are not presolved: that took longer on these programs, and left multipliers wrong by a thousand
    tolerances. HiGHS runs in the calling thread and lets other threads of the interpreter run.

    Args:
        program: the program, which must not change afterwards.

    Source: Huangfu & Hall 2018 (HiGHS).
    """

    def __init__(self, program: Program) -> None:
        matrix, binary = program.matrix(), np.concatenate(program.binary)
        self.highs, self.variables, self.integral = highspy.Highs(), program.variables, len(binary) > 0
        self.enough = [math.inf]
        for name, value in OPTIONS.items():
            self.highs.setOptionValue(name, value)
        if not self.integral:
            self.highs.setOptionValue("presolve", "off")
            self.highs.setOptionValue("solver", "ipm" if program.constraints >= LARGE else "simplex")
        lp: Any = highspy.HighsLp()  # its arrays' annotations are too narrow
        lp.num_col_ = lp.a_matrix_.num_col_ = program.variables
        lp.num_row_ = lp.a_matrix_.num_row_ = program.constraints
        lp.col_cost_ = np.zeros(program.variables)
        lp.col_lower_, lp.col_upper_ = np.concatenate(program.lower), np.concatenate(program.upper)
        lp.row_lower_ = np.concatenate([np.zeros(0), *program.row_lower])
        lp.row_upper_ = np.concatenate([np.zeros(0), *program.row_upper])
        lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        lp.a_matrix_.start_, lp.a_matrix_.index_, lp.a_matrix_.value_ = matrix.indptr, matrix.indices, matrix.data
        if self.integral:
            kinds = np.full(program.variables, highspy.HighsVarType.kContinuous)
            kinds[binary] = highspy.HighsVarType.kInteger
            lp.integrality_ = list(kinds)
            self.highs.cbMipInterrupt.subscribe(stopping(self.enough))
        self.accepted = self.highs.passModel(lp) != highspy.HighsStatus.kError

    def minimize(
        self,
        cost: Float[np.ndarray, "n"],
        seconds: float = math.inf,
        *,
        below: float = -math.inf,
        above: float = math.inf,
    ) -> highspy.HighsModelStatus:
        """Minimise <cost, variables> for at most `seconds` and return the final status.

        A mixed-integer search also ends at a solution less than `below` or a bound greater than `above`.
        """
        if not self.accepted:
            return highspy.HighsModelStatus.kModelError
        self.highs.changeColsCost(self.variables, np.arange(self.variables, dtype=np.int32), cost)
        self.enough[0] = above
        self.highs.setOptionValue("objective_target", below)
        self.highs.setOptionValue("time_limit", self.highs.getRunTime() + seconds)  # the clock is never set back
        self.highs.run()
        return self.highs.getModelStatus()

    def multipliers(self, cost: Float[np.ndarray, "n"]) -> Float[np.ndarray, "m"] | None:
        """Return the constraints' multipliers at the optimum of a linear program; None if none was found."""
        optimal = self.minimize(cost) == highspy.HighsModelStatus.kOptimal
        return np.array(self.highs.getSolution().row_dual) if optimal else None

    def bound(self) -> float:
        """Return the best lower bound of the last minimisation; -inf if there is none."""
        info, optimal = self.highs.getInfo(), self.highs.getModelStatus() == highspy.HighsModelStatus.kOptimal
        if self.integral:
            return info.mip_dual_bound
        return info.objective_function_value if optimal else -np.inf

    def point(self) -> Float[np.ndarray, "n"] | None:
        """Return the variables at the best solution of the last minimisation; None if there is none."""
        solution = self.highs.getSolution()
        return np.array(solution.col_value) if solution.value_valid else None


def stopping(enough: list[float]) -> Callable[[highspy.highs.HighsCallbackEvent], None]:
    """Return a callback that interrupts a search whose bound exceeds the number in the list."""

    def stop(event: highspy.highs.HighsCallbackEvent) -> None:
        """Interrupt the search if its bound is high enough."""
        if event.data_out.mip_dual_bound > enough[0]:
            event.interrupt()

    return stop
