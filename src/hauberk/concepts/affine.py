"""Affine operators, which bounds pass through exactly."""

import math
from abc import abstractmethod
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.op import Op
from hauberk.concepts.rounding import rounding_factor, underflow, underflows
from hauberk.concepts.rows import Window
from hauberk.kernels.gradients import gradients, ordinary


class Affine(Op):
    """z -> L z + offset. The backward rule is the transpose of L: by default the vjp of the exact function."""

    homogeneous: bool = False
    """True if the map has no constants: it takes zero to zero."""
    roundings: int
    """The number of roundings that an element of the result may accumulate: one per term, constants included.

    0 means that every element is a copy of an element of the only operand.
    """
    roundings_back: int
    """The same for the transpose."""

    def lipschitz(self) -> float:
        return math.inf if self.roundings else 1.0

    @abstractmethod
    def absolute(self, *z: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        """Return |L| z: the linear part with the absolute values of its coefficients."""

    def linear(self, *z: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        """Return L z: the map without its constants."""
        return self(*z) - self.offset([tuple(t.shape[1:]) for t in z], z[0])

    def offset(self, shapes: Sequence[tuple[int, ...]], like: Tensor) -> Float[Tensor, "1 ..."]:
        """Return the value at zero, given the operands' shapes without the batch; it broadcasts to the result's."""
        return self(*(like.new_zeros(1, *shape) for shape in shapes))

    def constants(self, shapes: Sequence[tuple[int, ...]], like: Tensor) -> Float[Tensor, "1 ..."]:
        """Return the sum of the absolute terms that make up the offset; it broadcasts to the offset's shape."""
        return self.offset(shapes, like).abs()

    def terms(self, *z: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        """Return the largest sum of absolute terms, constants included, for operands of these magnitudes."""
        total = self.absolute(*z)
        return total if self.homogeneous else total + self.constants([tuple(t.shape[1:]) for t in z], z[0])

    def carried(
        self, errors: Sequence[Tensor], magnitudes: Sequence[Tensor], sizes: Sequence[Tensor]
    ) -> Float[Tensor, "b ..."]:
        """Return a bound of the result's error: the operands' errors, carried through, plus those of the op's own sums.

        The network makes these once, and its bound once more. One pass; calling `terms` as well would take two.
        """
        share, least = 2 * rounding_factor(self.roundings + 8, magnitudes[0].dtype), underflow(magnitudes[0].dtype)
        given = (torch.add(e, m, alpha=share).add_(least) for e, m in zip(errors, magnitudes, strict=True))
        total = self.absolute(*given)  # of an expansion, a view whose elements share memory
        total = total + underflows(self.roundings + 8, sizes, total)
        if self.homogeneous:
            return total
        return total.add_(self.constants([tuple(m.shape[1:]) for m in magnitudes], total), alpha=share)

    def then(self, diagonal: "Diagonal") -> "Affine | None":
        """Return this op followed by a diagonal one as a single op if that is cheaper to compute, else None."""
        return None

    def pull_back_windows(
        self, rows: Float[Tensor, "r c h w"], window: Window, shapes: Sequence[tuple[int, ...]]
    ) -> list[tuple[Float[Tensor, "r c2 h2 w2"], Window]] | None:
        """Return `pull_back` of rows given as windows, again as windows; None if it needs whole rows."""
        return None

    def pull_back(
        self, rows: Float[Tensor, "r ..."], shapes: Sequence[tuple[int, ...]]
    ) -> tuple[Float[Tensor, "r ..."], ...]:
        """Return rows @ L for each operand, so that <rows, L z> = sum of <pulled, z>."""
        create_graph, rows = rows.requires_grad, ordinary(rows)
        with gradients():
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
    unbounded = "it scales channels differently, which distorts the l_inf norm; normalise with one std for all"
    roundings = 6  # a multiplication and an addition, and those of computing scale and shift themselves
    roundings_back = 4

    def __call__(self, z: Tensor) -> Tensor:
        return torch.addcmul(self.shift, z, self.scale)

    def lipschitz(self) -> float:
        least, most = self.scale.abs().aminmax()
        return most.item() if least == most else math.inf

    def linear(self, z: Tensor) -> Tensor:
        return z * self.scale

    def absolute(self, z: Tensor) -> Tensor:
        return z * self.scale.abs()

    def offset(self, shapes: Sequence[tuple[int, ...]], like: Tensor) -> Tensor:
        return self.shift.expand(1, *shapes[0])

    def pull_back(self, rows: Tensor, shapes: Sequence[tuple[int, ...]]) -> tuple[Tensor]:
        return (rows * self.scale,)

    def pull_back_windows(
        self, rows: Tensor, window: Window, shapes: Sequence[tuple[int, ...]]
    ) -> list[tuple[Tensor, Window]] | None:
        return [(rows * self.scale, window)] if self.scale.shape[1:] == (1, 1) else None
