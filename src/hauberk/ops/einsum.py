"""Einstein's summation: of two perturbed values, or of one and a constant."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.affine import Affine
from hauberk.concepts.lowering import Lowered, Operand, Stored, Value, lowers
from hauberk.errors import UnsupportedOpError
from hauberk.functions.composition import composed, multiplied

aten = torch.ops.aten


@dataclass(frozen=True)
class Einsum(Affine):
    """The products of a value's elements with a constant's, summed as an equation says.

    Args:
        constant: the constant.
        equation: torch's equation, the value first.
        count: the number of products summed into an element.
        uses: the number of elements that read one of the value's.
    """

    constant: Tensor
    equation: str
    count: int
    uses: int
    homogeneous = True

    @property
    def roundings(self) -> int:
        return self.count + 1

    @property
    def roundings_back(self) -> int:
        return self.uses

    def __call__(self, z: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        return torch.einsum(self.equation, z, self.constant)

    def linear(self, z: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        return self(z)

    def absolute(self, z: Float[Tensor, "b ..."]) -> Float[Tensor, "b ..."]:
        return torch.einsum(self.equation, z, self.constant.abs())


def products(x: Tensor) -> Tensor:
    """Return sums of products of a case for laws."""
    weight = torch.linspace(-1, 1, 12, dtype=x.dtype).view(4, 3)
    affine, squares = torch.einsum("bchw,ck->bkhw", x, weight), torch.einsum("bchw,bdhw->bcd", x, x)
    return torch.cat([affine.flatten(1), squares.flatten(1)], 1)


@lowers(aten.einsum.default, case=products)
@composed
def lower_einsum(
    equation: str, operands: Sequence[Operand], *, path: object = None, shape: tuple[int, ...]
) -> Lowered | Value:
    """Lower torch's einsum of two operands."""
    terms, arrow, out = equation.replace(" ", "").partition("->")
    letters = terms.split(",")
    if len(operands) != 2 or not arrow or "." in equation:
        raise UnsupportedOpError(
            "bounded are two operands and an equation with an arrow and without dots: bij,bjk->bik"
        )
    values = [one for one, term in zip(operands, letters, strict=True) if isinstance(one, Value)]
    batched = [term for one, term in zip(operands, letters, strict=True) if isinstance(one, Value)]
    batch = out[:1]
    if not batch or any(term[:1] != batch or batch in term[1:] for term in batched):
        raise UnsupportedOpError(
            "its first letter must be that of the batch, in the result and in what depends on the input"
        )
    if len(values) == 2:
        first, second = values
        return multiplied(first, second, letters[0][1:], letters[1][1:], out[1:])
    (value,), (term,) = values, batched
    (constant,) = (one for one in operands if isinstance(one, Stored))
    (other,) = (letter for one, letter in zip(operands, letters, strict=True) if isinstance(one, Stored))
    sizes = dict(zip(other, constant.shape, strict=True)) | dict(zip(term[1:], value.shape, strict=True))
    summed, added = (counted(sizes, missing - {batch}) for missing in ({*term, *other} - {*out}, {*out} - {*term}))
    make = partial(Einsum, equation=f"{term},{other}->{out}", count=summed, uses=added)
    return Lowered(make, (value,), (constant,))


def counted(sizes: dict[str, int], letters: set[str]) -> int:
    """Return the product of the sizes of some letters."""
    return math.prod(sizes[letter] for letter in letters)
