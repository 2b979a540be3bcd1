"""Operators: the facts about a torch operator that all bound methods use."""

import math
from abc import ABC, abstractmethod

from jaxtyping import Bool, Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.pieces import Pieces
from hauberk.concepts.relaxation import Relaxation


class Op(ABC):
    """An operator with its constants (weights, strides) filled in: a function of the perturbed values alone.

    Values are batches; the op's own tensors are shared by the whole batch.
    """

    one_to_one: bool = False
    """True if every output element reads a single input element, and no two read the same one."""

    roundings: int = 0
    """The number of roundings that an element of the result may accumulate, relative to its size or to its terms'."""

    unbounded: str = "it states none; verify by bounds"
    """The reason for which `lipschitz` is infinite, where it is, and what to do instead."""

    @abstractmethod
    def __call__(self, *z: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        """Return the exact value."""

    @abstractmethod
    def interval(self, *box: Box) -> Box:
        """Return a box around the images of all points of the operands' boxes."""

    def loose(self, box: Box) -> Bool[Tensor, "b ..."]:
        """Return a mask of an operand's elements that are relaxed on this box: tighter bounds help only there."""
        return box.upper > box.lower

    def lipschitz(self) -> float:
        """Return a Lipschitz constant from l_inf to l_inf, of an op of one operand; inf if none is stated."""
        return math.inf

    @property
    def observes(self) -> bool:
        """True if a training pass fixes the op in another way than eval mode does."""
        return type(self).observe is not Op.observe

    def observe(self, *z: Float[Tensor, "b ..."]) -> "Op":
        """Return the op as a training pass on this batch fixes it; batch norm also updates its running statistics."""
        return self


class Relaxable(Op):
    """A function of one operand that has linear relaxations."""

    tight: bool = False
    """True if no relaxation is closer: intervals are attained, lines touch the function and have the least area."""

    additions: int = 0
    """The maximum number of coefficients added into one input when rows are pulled back through its lines, less one."""

    pieces: Pieces | None = None
    """Knots and slopes of a piecewise linear function, for exact methods; None for other functions."""

    @abstractmethod
    def relax(self, box: Box, choice: Float[Tensor, "b *z"] | None = None) -> Relaxation:
        """Return a sound relaxation on the box: any choice in [0, 1] gives one; None uses the op's adaptive rule."""

    @abstractmethod
    def relax_parallel(self, box: Box) -> Relaxation:
        """Return a sound relaxation whose two lines have the same slope."""


class Elementwise(Relaxable):
    """A scalar function applied to every element."""

    one_to_one = True
