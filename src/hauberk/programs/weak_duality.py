"""Lower bounds that hold whatever a solver says."""

import math

import numpy as np
import torch
from jaxtyping import Float
from scipy.sparse import csr_array

from hauberk.concepts.rounding import rounding_factor
from hauberk.programs.encoding import UNDERFLOW, Encoding
from hauberk.programs.program import Ends


class WeakDuality:
    """Lower bounds of a row of the logits from any multipliers of a program's constraints.

    For the constraints A x = b (or <= b, with multipliers y <= 0) and variables between l and u, every feasible x has
    <c, x> >= <y, b> + sum of min(d l, d u), where d = c - A^T y. Here x is the input and the shares that the exact
    network has at any member of the set: it meets constraint i within slack_i, which costs at most |y_i| slack_i, and
    <c, x> plus a constant is the row's value within a share of the sum of absolute terms (`Encoding`). The roundings of
    the bound's own sums are subtracted as a share of all their absolute terms. So a bound rests on no property of y:
    bad multipliers, of a solver that drops coefficients or stops early, make it loose and never wrong.

    Args:
        encoding: the network over the example's set.

    Source: Neumaier & Shcherbina 2004, with an error analysis of rounding in place of directed rounding.
    """

    def __init__(self, encoding: Encoding) -> None:
        program = encoding.program
        self.encoding, self.program = encoding, program
        self.transposed = csr_array(program.matrix().T)
        self.magnitudes = abs(self.transposed)
        left, self.right = program.sides
        self.one_sided = np.isneginf(left)
        self.slack = np.concatenate([np.zeros(0), *program.slack])
        # One rounding for each term of the longest sum, and those of the terms themselves.
        self.roundings = 2 * (program.variables + program.constraints) + len(encoding.logits.constant) + 16

    def bound(
        self,
        row: Float[np.ndarray, "classes"],
        offset: float,
        multipliers: Float[np.ndarray, "m"],
        ends: Ends,
    ) -> float:
        """Return a lower bound of <row, logits> + offset between these ends; -inf for multipliers that are NaN."""
        y = np.where(self.one_sided, np.minimum(multipliers, 0.0), multipliers)
        cost, constant = self.encoding.cost(row), float(self.encoding.logits.constant @ row) + offset
        reach = np.maximum(np.abs(ends[0]), np.abs(ends[1]))
        with np.errstate(over="ignore", invalid="ignore"):
            left = cost - self.transposed @ y
            total = constant + float(y @ self.right) + float(np.minimum(left * ends[0], left * ends[1]).sum())
            terms = (np.abs(cost) + self.magnitudes @ np.abs(y)) @ reach + np.abs(y) @ np.abs(self.right)
            terms += np.abs(row) @ self.encoding.scale[-1] + abs(offset) + UNDERFLOW * (1 + reach.max())
            share = rounding_factor(self.roundings + self.encoding.roundings[-1], torch.float64)
            loss = 2 * float(np.abs(y) @ self.slack) + share * float(terms)
        found = math.nextafter(total - loss, -math.inf)
        return found if math.isfinite(found) else -math.inf

    def empty(self, multipliers: Float[np.ndarray, "m"], ends: Ends) -> bool:
        """Return True if a ray of multipliers, of either sign, shows that no variables meet the constraints."""
        nothing = np.zeros(len(self.encoding.logits.constant))
        return any(self.bound(nothing, 0.0, ray, ends) > 0 for ray in (multipliers, -multipliers))
