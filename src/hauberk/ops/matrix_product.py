"""Matrix products of a perturbed value and a constant."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from string import ascii_lowercase

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.affine import Affine
from hauberk.concepts.lowering import Lowered, Operand, Stored, Value, lowers
from hauberk.errors import UnsupportedOpError
from hauberk.functions.composition import composed, multiplied

aten = torch.ops.aten


@dataclass(frozen=True)
class MatrixProduct(Affine):
    """z @ matrix + bias, or matrix @ z + bias with `left`; broadcasts as torch.matmul does.

    Args:
        matrix: the constant factor.
        bias: the summands. None: 0.
        left: whether the matrix is the left factor.
        products: the number of elements of the result that read each element of z.
    """

    matrix: Float[Tensor, "*k"]
    bias: Float[Tensor, "*m"] | None
    left: bool
    products: int

    @property
    def roundings(self) -> int:
        summed = self.matrix.shape[-1 if self.left or self.matrix.ndim == 1 else -2]
        return summed + 1

    @property
    def roundings_back(self) -> int:
        return self.products

    def __call__(self, z: Tensor) -> Tensor:
        product = self.times(self.matrix, z)
        return product if self.bias is None else product + self.bias

    def absolute(self, z: Tensor) -> Tensor:
        return self.times(self.matrix.abs(), z)

    def times(self, matrix: Tensor, z: Tensor) -> Tensor:
        """Return the product with z, on the op's side."""
        return torch.matmul(matrix, z) if self.left else torch.matmul(z, matrix)

    def pull_back(self, rows: Tensor, shapes: Sequence[tuple[int, ...]]) -> tuple[Tensor]:
        matrix, dim = self.matrix, -2 if self.left else -1
        if matrix.ndim == 1:  # torch drops the dimension of size one that a vector stands for
            matrix, rows = matrix.unsqueeze(0 if self.left else 1), rows.unsqueeze(dim)
        pulled = matrix.mT @ rows if self.left else rows @ matrix.mT
        return (pulled.sum_to_size(len(rows), *shapes[0]),)


@lowers(aten.matmul.default, aten.mm.default, aten.bmm.default)
@composed
def lower_matrix_product(first: Operand, second: Operand, *, shape: tuple[int, ...]) -> Lowered | Value:
    """Lower torch's matrix product, of two values or of one and a constant."""
    if isinstance(first, Value) and isinstance(second, Value):
        if len(first.shape) != len(second.shape) or len(shape) < 2:
            raise UnsupportedOpError("it sums over the batch, or its operands differ in their number of dimensions")
        batch = ascii_lowercase[: len(shape) - 2]
        return multiplied(first, second, f"{batch}xy", f"{batch}yz", f"{batch}xz")
    return lower_with_bias(first, second, None, shape)


@lowers(aten.addmm.default)
def lower_biased_product(
    bias: Operand, first: Operand, second: Operand, beta: float = 1, alpha: float = 1, *, shape: tuple[int, ...]
) -> Lowered:
    """Lower torch's matrix product plus a constant."""
    if (beta, alpha) != (1, 1) or not isinstance(bias, Stored):
        raise UnsupportedOpError("only a constant bias plus the plain product: write the rest as separate operations")
    return lower_with_bias(first, second, bias, shape)


def lower_with_bias(first: Operand, second: Operand, bias: Stored | None, shape: tuple[int, ...]) -> Lowered:
    """Lower a product of a perturbed value and a constant, in either order, with or without a bias."""
    left = isinstance(second, Value)
    z, matrix = (second, first) if left else (first, second)
    if not isinstance(z, Value) or not isinstance(matrix, Stored):
        raise UnsupportedOpError("one operand must depend on the input, the other be a constant")
    if len(z.shape) < (2 if left else 1):
        raise UnsupportedOpError("it sums over the batch")
    summed = z.shape[-2 if left else -1]
    make = partial(MatrixProduct, left=left, products=math.prod(shape) * summed // math.prod(z.shape))
    return Lowered(make, (z,), (matrix, bias))
