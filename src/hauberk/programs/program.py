"""Linear programs."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import csr_array, vstack

Ends = tuple[Float[np.ndarray, "n"], Float[np.ndarray, "n"]]
"""Lower and upper bounds of the variables of a program."""


@dataclass(frozen=True)
class Expression:
    """Affine functions of a program's first variables: coefficients @ variables + constant.

    Args:
        coefficients: a matrix with one row per function and one column per variable.
        constant: the constant of each function.
    """

    coefficients: csr_array
    constant: Float[np.ndarray, "m"]

    @classmethod
    def of(cls, columns: Int[np.ndarray, "terms m"], factors: Float[np.ndarray, "terms m"]) -> "Expression":
        """Return m sums of factor * variable, with `terms` terms each."""
        rows = np.broadcast_to(np.arange(columns.shape[1]), columns.shape)
        shape = (columns.shape[1], int(columns.max(initial=-1)) + 1)
        return cls(csr_array((factors.ravel(), (rows.ravel(), columns.ravel())), shape=shape), np.zeros(shape[0]))

    @property
    def variables(self) -> int:
        """The number of the program's variables, from the first, that it may depend on."""
        return self.coefficients.shape[1]  # pyright: ignore[reportOptionalSubscript]

    def __add__(self, other: "Expression") -> "Expression":
        size = max(self.variables, other.variables)
        total = widened(self.coefficients, size) + widened(other.coefficients, size)
        return Expression(csr_array(total), self.constant + other.constant)

    def __getitem__(self, index: Int[np.ndarray, "s"]) -> "Expression":
        return Expression(self.coefficients[index], self.constant[index])

    def plus(self, constant: Float[np.ndarray, "m"]) -> "Expression":
        """Return self + constant."""
        return Expression(self.coefficients, self.constant + constant)

    def through(self, matrix: csr_array) -> "Expression":
        """Return matrix @ self, without coefficients that are zero."""
        product = csr_array(matrix @ self.coefficients)
        product.eliminate_zeros()
        return Expression(product, matrix @ self.constant)


@dataclass
class Program:
    """Bounded variables and constraints; start with `Program()` and add to it step by step.

    Args:
        lower: the variables' lower bounds, one array per call of `add`; likewise below.
        upper: their upper bounds.
        rows: the constraints' coefficients, one matrix per call of `require`; likewise below.
        row_lower: the constraints' left sides; -inf if open.
        row_upper: the constraints' right sides.
        slack: how far rounding errors may take the values of an exact network from satisfying each constraint.
        variables: the number of variables.
        constraints: the number of constraints.
    """

    lower: list[Float[np.ndarray, "_"]] = field(default_factory=list)
    upper: list[Float[np.ndarray, "_"]] = field(default_factory=list)
    rows: list[csr_array] = field(default_factory=list)
    row_lower: list[Float[np.ndarray, "_"]] = field(default_factory=list)
    row_upper: list[Float[np.ndarray, "_"]] = field(default_factory=list)
    slack: list[Float[np.ndarray, "_"]] = field(default_factory=list)
    variables: int = 0
    constraints: int = 0

    def add(self, lower: Float[np.ndarray, "n"], upper: Float[np.ndarray, "n"]) -> Int[np.ndarray, "1 n"]:
        """Add variables and return their columns."""
        columns = np.arange(self.variables, self.variables + len(lower))
        self.variables += len(lower)
        self.lower.append(lower)
        self.upper.append(upper)
        return columns[None]

    def require(
        self,
        left: Expression,
        sense: Literal["=", "<="],
        right: Float[np.ndarray, "m"] | float,
        slack: Float[np.ndarray, "m"] | float = 0.0,
    ) -> slice:
        """Add the constraints left = right, or left <= right, and return the slice of their rows."""
        side = right - left.constant
        self.rows.append(left.coefficients)
        self.row_lower.append(side if sense == "=" else np.full_like(side, -np.inf))
        self.row_upper.append(side)
        self.slack.append(np.broadcast_to(slack, side.shape))
        self.constraints += len(side)
        return slice(self.constraints - len(side), self.constraints)

    @property
    def finite(self) -> bool:
        """True if no number is NaN or infinite, except for the open sides of rows."""
        numbers = [*self.lower, *self.upper, *self.row_upper, *self.slack, *(rows.data for rows in self.rows)]
        return all(np.isfinite(one).all() for one in numbers)

    @property
    def ends(self) -> Ends:
        """The variables' lower and upper bounds."""
        return np.concatenate(self.lower), np.concatenate(self.upper)

    @property
    def sides(self) -> tuple[Float[np.ndarray, "m"], Float[np.ndarray, "m"]]:
        """The constraints' left and right sides."""
        none = np.zeros(0)
        return np.concatenate([none, *self.row_lower]), np.concatenate([none, *self.row_upper])

    def matrix(self) -> csr_array:
        """Return the constraints' coefficients for all variables."""
        widest = [widened(rows, self.variables) for rows in self.rows]
        return csr_array(vstack([csr_array((0, self.variables)), *widest], format="csr"))


def widened(rows: csr_array, variables: int) -> csr_array:
    """Return the same rows over more variables."""
    return csr_array((rows.data, rows.indices, rows.indptr), shape=(len(rows.indptr) - 1, variables))
