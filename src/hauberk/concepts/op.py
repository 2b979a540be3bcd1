"""Operators: the facts about a torch operator that every bound method is computed from."""

from abc import ABC, abstractmethod

from jaxtyping import Bool, Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.pieces import Pieces
from hauberk.concepts.relaxation import Relaxation


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


class Relaxable(Op):
    """A function of one operand that has linear relaxations."""

    tight: bool = False
    """True if no relaxation is closer: intervals are attained, lines touch the function and have the least area."""

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
