"""Operators: the facts about a torch operator that every bound method is computed from."""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.pieces import Pieces
from hauberk.concepts.rows import Rows, Window


@dataclass(frozen=True)
class Relaxation:
    """Two lines per neuron: lower_slope * z + lower_intercept <= f(z) <= upper_slope * z + upper_intercept on a box.

    Each is a line in the operand's element at the same place.
    """

    lower_slope: Float[Tensor, "b *z"]
    upper_slope: Float[Tensor, "b *z"]
    upper_intercept: Float[Tensor, "b *z"]
    lower_intercept: Float[Tensor, "b *z"] | None = None
    """None where it is zero everywhere, which spares a pass over memory."""

    @cached_property
    def steepest(self) -> Float[Tensor, "b *z"]:
        """The larger of the two slopes' absolute values."""
        if self.lower_slope is self.upper_slope:
            return self.upper_slope.abs()
        return torch.maximum(self.lower_slope.abs(), self.upper_slope.abs())

    def push(self, z: Float[Tensor, "b k *z"]) -> Float[Tensor, "b k *z"]:
        """Return the upper line's slope times its element of every z."""
        return z * self.upper_slope.unsqueeze(1)

    def magnitude(self, inputs: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the largest sum of absolute terms that either line evaluates, for inputs of these magnitudes."""
        intercept = self.upper_intercept.abs()
        if self.lower_intercept is not None:
            intercept = torch.maximum(intercept, self.lower_intercept.abs())
        return torch.addcmul(intercept, self.steepest, inputs)


class Placed(Relaxation, ABC):
    """A relaxation whose lines are lines in elements that stand elsewhere in the operand."""

    @abstractmethod
    def pull_back(self, rows: Rows, radius: Float[Tensor, "b *z"] | None) -> tuple[Rows, Float[Tensor, "r 2"]]:
        """Return rows behind the node, their constants, and their sums of |coefficient| * radius.

        Positive coefficients take the lower line, negative ones the upper.
        """


class Op(ABC):
    """An operator with its constants (weights, strides) filled in: a function of the perturbed values alone.

    Values are batches; tensors that an op holds are shared by the whole batch.
    """

    one_to_one: bool = False
    """Whether every output element reads one input element, and no two the same."""

    @abstractmethod
    def __call__(self, *z: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        """Return the exact value."""

    @abstractmethod
    def interval(self, *box: Box) -> Box:
        """Return a box around the images of all points of the boxes (one per operand)."""

    def loose(self, box: Box) -> Bool[Tensor, "b ..."]:
        """Return which elements of an operand with this box are relaxed: tighter bounds of the others bring nothing."""
        return box.upper > box.lower

    def observe(self, *z: Float[Tensor, "b ..."]) -> "Op":
        """Return the op as a training pass on this batch fixes it; batch norm also moves its running statistics."""
        return self


class Affine(Op):
    """z -> L z + offset. The backward rule is the transpose of L: by default the vjp of the exact function."""

    homogeneous: bool = False
    """Whether the map has no constants: it takes zero to zero."""
    roundings: int
    """How many roundings an element of the result may gather: one for each of its terms, constants included.

    None at all means that every element is one of the only operand's.
    """
    roundings_back: int
    """The same for the transpose."""

    @abstractmethod
    def absolute(self, *z: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        """Return |L| z: the map with the absolute values of its coefficients."""

    def linear(self, *z: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        """Return L z: the map without its constants."""
        return self(*z) - self.offset([tuple(t.shape[1:]) for t in z], z[0])

    def offset(self, shapes: Sequence[tuple[int, ...]], like: Tensor) -> Float[Tensor, "1 ..."]:
        """Return the value at zero, given the operands' shapes without the batch."""
        return self(*(like.new_zeros(1, *shape) for shape in shapes))

    def constants(self, shapes: Sequence[tuple[int, ...]], like: Tensor) -> Float[Tensor, "1 ..."]:
        """Return the sum of absolute terms that the offset is made of."""
        return self.offset(shapes, like).abs()

    def terms(self, *z: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        """Return the largest sum of absolute terms, constants included, for operands of these magnitudes."""
        total = self.absolute(*z)
        return total if self.homogeneous else total + self.constants([tuple(t.shape[1:]) for t in z], z[0])

    def carried(self, errors: Sequence[Tensor], magnitudes: Sequence[Tensor], share: float) -> Float[Tensor, "b ..."]:
        """Return how far a result may be off: by the operands' errors, and by a share of all terms.

        One pass does for both, where errors and `terms` apart would take two.
        """
        total = self.absolute(*(torch.add(e, m, alpha=share) for e, m in zip(errors, magnitudes, strict=True)))
        if self.homogeneous:
            return total
        return total + self.constants([tuple(m.shape[1:]) for m in magnitudes], total) * share

    def then(self, diagonal: "Diagonal") -> "Affine | None":
        """Return this op followed by a diagonal one as a single op, where that is cheaper to compute; else None."""
        return None

    def pull_back_windows(
        self, rows: Float[Tensor, "r c h w"], window: Window, shapes: Sequence[tuple[int, ...]]
    ) -> list[tuple[Float[Tensor, "r c2 h2 w2"], Window]] | None:
        """Return `pull_back` of rows of which only windows are given, as windows; None where it needs whole rows."""
        return None

    def pull_back(
        self, rows: Float[Tensor, "r ..."], shapes: Sequence[tuple[int, ...]]
    ) -> tuple[Float[Tensor, "r ..."], ...]:
        """Return rows @ L for each operand, so that <rows, L z> = sum of <pulled, z>."""
        create_graph = rows.requires_grad
        with torch.enable_grad():
            zeros = tuple(rows.new_zeros(len(rows), *shape).requires_grad_() for shape in shapes)
            return torch.autograd.grad(self(*zeros), zeros, rows, create_graph=create_graph)

    def interval(self, *box: Box) -> Box:
        if not self.roundings:
            return box[0].map(self)
        return Box.around(self(*(b.center for b in box)), self.absolute(*(b.radius for b in box)))


class Diagonal(Affine):
    """z -> scale * z + shift, element by element; scale and shift broadcast over the batch."""

    scale: Float[Tensor, "*#z"]
    shift: Float[Tensor, "*#z"]
    one_to_one = True
    roundings = 6  # a multiplication and an addition, and those of computing scale and shift themselves
    roundings_back = 4

    def __call__(self, z: Tensor) -> Tensor:
        return torch.addcmul(self.shift, z, self.scale)

    def linear(self, z: Tensor) -> Tensor:
        return z * self.scale

    def absolute(self, z: Tensor) -> Tensor:
        return z * self.scale.abs()

    def pull_back(self, rows: Tensor, shapes: Sequence[tuple[int, ...]]) -> tuple[Tensor]:
        return (rows * self.scale,)

    def pull_back_windows(
        self, rows: Tensor, window: Window, shapes: Sequence[tuple[int, ...]]
    ) -> list[tuple[Tensor, Window]] | None:
        return [(rows * self.scale, window)] if self.scale.shape[1:] == (1, 1) else None


class Relaxable(Op):
    """A function of one operand that has linear relaxations."""

    pieces: Pieces | None = None
    """Knots and slopes of a piecewise linear function, for exact methods; None for other functions."""

    @abstractmethod
    def relax(self, box: Box, choice: Float[Tensor, "b *z"] | None = None) -> Relaxation:
        """Return a sound relaxation on the box: every choice in [0, 1] is one; None picks the op's adaptive rule."""

    @abstractmethod
    def relax_parallel(self, box: Box) -> Relaxation:
        """Return a sound relaxation whose two lines have the same slope."""


class Elementwise(Relaxable):
    """A scalar function applied to every element."""

    one_to_one = True


def rounding_factor(roundings: int, dtype: torch.dtype) -> float:
    """Return by what share of its computed sum of absolute terms a sum with n roundings may be off.

    n roundings change a sum by at most gamma_n = n u / (1 - n u) times the sum of |terms|, u being the unit roundoff;
    that sum, computed likewise, may be too small by the same share: n u / (1 - 2 n u) allows for both.

    Source: Higham 2002, Accuracy and Stability of Numerical Algorithms, lemma 3.1; any order of summation: section 4.2.
    """
    nu = roundings * torch.finfo(dtype).eps / 2
    return nu / (1 - 2 * nu) if 2 * nu < 1 else math.inf
