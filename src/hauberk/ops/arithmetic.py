"""Addition, subtraction, multiplication and division of two perturbed values, or of one and a constant."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from string import ascii_lowercase

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.affine import Affine, Diagonal
from hauberk.concepts.lowering import Lowered, Operand, Stored, Value, lowers
from hauberk.concepts.rows import Window
from hauberk.errors import UnsupportedOpError
from hauberk.functions.composition import call, composed, enlarged, multiplied

aten = torch.ops.aten
CHANNELS = torch.linspace(-1, 2, 4, dtype=torch.float64)[:, None, None]


@dataclass(frozen=True)
class Add(Affine):
    """first + factor * second, for two perturbed values of equal shape: a skip connection.

    Args:
        factor: the factor of the second value.
    """

    factor: float
    homogeneous = True
    roundings = roundings_back = 2

    def __call__(self, first: Tensor, second: Tensor) -> Tensor:
        return torch.add(first, second, alpha=self.factor)

    def linear(self, first: Tensor, second: Tensor) -> Tensor:
        return self(first, second)

    def absolute(self, first: Tensor, second: Tensor) -> Tensor:
        return torch.add(first, second, alpha=abs(self.factor))

    def pull_back(self, rows: Tensor, shapes: Sequence[tuple[int, ...]]) -> tuple[Tensor, Tensor]:
        return rows, self.scaled(rows)

    def pull_back_windows(
        self, rows: Tensor, window: Window, shapes: Sequence[tuple[int, ...]]
    ) -> list[tuple[Tensor, Window]]:
        return [(rows, window), (self.scaled(rows), window)]

    def scaled(self, rows: Tensor) -> Tensor:
        """Return the rows times the factor."""
        return rows if self.factor == 1 else rows * self.factor


@dataclass(frozen=True)
class ScaleShift(Diagonal):
    """scale * z + shift, with constants of any shape that broadcasts to that of z.

    Args:
        scale: the factors.
        shift: the summands.
    """

    scale: Float[Tensor, "*#z"]
    shift: Float[Tensor, "*#z"]

    @classmethod
    def sum(cls, constant: Tensor, sign: float, factor: float) -> "ScaleShift":
        """Return sign * z + factor * constant."""
        return cls(torch.full_like(constant, sign), constant * factor)

    @classmethod
    def product(cls, constant: Tensor) -> "ScaleShift":
        """Return constant * z."""
        return cls(constant, torch.zeros_like(constant))

    @classmethod
    def quotient(cls, constant: Tensor) -> "ScaleShift":
        """Return z / constant."""
        return cls.product(1 / constant)


@lowers(
    *(aten.add.Tensor, aten.add.Scalar),
    case=lambda x: x - x.mean(-1, keepdim=True) + x[:, :1, :1] + (x[:, :1] + CHANNELS) + (CHANNELS - x[:, :1]),
)
@composed
def lower_sum(first: Operand, second: Operand, alpha: float = 1, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's addition, first + alpha * second."""
    if isinstance(first, Value) and isinstance(second, Value):
        return Lowered(partial(Add, float(alpha)), (enlarged(first, shape), enlarged(second, shape)))
    if isinstance(first, Value):
        return with_constant(partial(ScaleShift.sum, sign=1.0, factor=float(alpha)), first, second, shape)
    return with_constant(partial(ScaleShift.sum, sign=float(alpha), factor=1.0), second, first, shape)


@lowers(aten.sub.Tensor, aten.sub.Scalar, aten.subtract.Tensor, aten.subtract.Scalar)
def lower_difference(first: Operand, second: Operand, alpha: float = 1, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's subtraction, first - alpha * second."""
    return lower_sum(first, second, -alpha, shape=shape)


@lowers(aten.rsub.Scalar, aten.rsub.Tensor)
def lower_reversed(first: Operand, second: Operand, alpha: float = 1, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's reversed subtraction, second - alpha * first."""
    return lower_sum(second, first, -alpha, shape=shape)


@lowers(aten.mul.Tensor, aten.mul.Scalar, aten.multiply.Tensor, aten.multiply.Scalar)
@composed
def lower_product(first: Operand, second: Operand, *, shape: tuple[int, ...]) -> Lowered | Value:
    """Lower torch's elementwise multiplication, of two values or by a constant."""
    if isinstance(first, Value) and isinstance(second, Value):
        return product(first, second, shape)
    z, constant = (first, second) if isinstance(first, Value) else (second, first)
    return with_constant(ScaleShift.product, z, constant, shape)


@lowers(*(aten.div.Tensor, aten.div.Scalar), *(aten.divide.Tensor, aten.true_divide.Tensor))
@composed
def lower_quotient(z: Operand, constant: Operand, *, shape: tuple[int, ...]) -> Lowered | Value:
    """Lower torch's division, by a value or by a constant."""
    if isinstance(constant, Value):
        return call(aten.mul.Tensor, z, call(aten.reciprocal.default, constant))
    return with_constant(ScaleShift.quotient, z, constant, shape)


@lowers(aten.neg.default, aten.negative.default)
def lower_negation(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's negation."""
    return with_constant(ScaleShift.product, z, -1.0, shape)


def product(first: Value, second: Value, shape: tuple[int, ...]) -> Value:
    """Return the product of two values, of one with itself as a square."""
    if first == second:
        return call(aten.square.default, first)
    letters = ascii_lowercase[: len(shape)]
    if len(first.shape) != len(second.shape):
        raise UnsupportedOpError("its operands differ in their number of dimensions: unsqueeze one of them")
    return multiplied(first, second, letters, letters, letters)


def with_constant(
    make: Callable[[Tensor], ScaleShift], z: Operand, constant: Operand, shape: tuple[int, ...]
) -> Lowered:
    """Lower an operation on a perturbed value and a constant."""
    if not isinstance(z, Value) or isinstance(constant, Value):
        raise UnsupportedOpError("one operand must depend on the input, the other not")
    stored = constant if isinstance(constant, Stored) else Stored(torch.tensor(constant, dtype=torch.float64), ())
    if len(stored.shape) > len(shape) and stored.shape[0] != 1:
        raise UnsupportedOpError("its constant differs between the examples of a batch")
    return Lowered(make, (enlarged(z, shape),), (stored,))
