"""Error bounds for floating-point sums, and the numbers next to others."""

import math
from collections.abc import Sequence
from functools import lru_cache, reduce
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor


@lru_cache
def rounding_factor(roundings: int, dtype: torch.dtype) -> float:
    """Return the largest error of a sum with n roundings, as a share of its computed sum of absolute terms.

    n roundings change a sum by at most gamma_n = n u / (1 - n u) times the sum of |terms|, with u the unit roundoff;
    that sum, computed the same way, may be too small by the same share: n u / (1 - 2 n u) allows for both.

    Source: Higham 2002, Accuracy and Stability of Numerical Algorithms, lemma 3.1; any order of summation: section 4.2.
    """
    nu = roundings * torch.finfo(dtype).eps / 2
    return nu / (1 - 2 * nu) if 2 * nu < 1 else math.inf


@lru_cache
def underflow(dtype: torch.dtype) -> float:
    """Return the absolute error of a few operations near zero, where errors are no share of the result.

    Results below the least normal number t are denormal, or zero on processors that flush them, which read denormal
    operands as zero as well: a product of a and b is off by at most t (1 + |a| + |b|), a sum by 3 t. Eight t cover what
    a network and a bound of it do with a number.
    """
    return 8 * torch.finfo(dtype).tiny


def summed(t: Float[Tensor, "b ..."]) -> Float[Tensor, "b"]:
    """Return the sum of each example's elements; flattening would copy maps with channels last."""
    return t.sum(tuple(range(1, t.ndim)))


def underflows(terms: int, sizes: Sequence[Float[Tensor, "b"]], like: Tensor) -> Float[Tensor, "b ..."]:
    """Return the part of a sum's absolute error that does not depend on its coefficients.

    Args:
        terms: the number of terms.
        sizes: the sums of the operands' magnitudes, which bound the largest of them, plus 1.
        like: a tensor of as many dimensions as the result.
    """
    return (reduce(torch.add, sizes) * (terms * underflow(like.dtype))).view(-1, *(1,) * (like.ndim - 1))


def rounded_down(numbers: Float[Tensor, "*b"], dtype: torch.dtype = torch.float32) -> Float[Tensor, "*b"]:
    """Return numbers in another precision, the largest there that are not above them."""
    found = numbers.to(dtype)
    return torch.where(found > numbers, neighbours(found, -math.inf), found)


def neighbours(numbers: Float[Tensor, "*b"], towards: float) -> Float[Tensor, "*b"]:
    """Return the next numbers in the direction of another, with the gradients of these."""
    return Neighbours.apply(numbers, towards)


class Neighbours(torch.autograd.Function):
    """Next numbers; torch knows no derivative of `nextafter` before its release 2.12."""

    @staticmethod
    def forward(ctx: Any, numbers: Tensor, towards: float) -> Tensor:
        return torch.nextafter(numbers, torch.full_like(numbers, towards))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return grad, None
