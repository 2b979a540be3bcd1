"""Sums of some of the elements: cumulated, folded from windows; and windows or diagonals filled up with zeros."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from hauberk.concepts.affine import Affine
from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.errors import UnsupportedOpError

aten = torch.ops.aten


@dataclass(frozen=True)
class Summation(Affine):
    """A torch function that adds elements; its transpose is the vjp.

    Args:
        function: the function, on a batch.
        terms_of: the maximum number of elements added into one.
        uses: the maximum number of sums that read an element.
    """

    function: Callable[[Tensor], Tensor]
    terms_of: int
    uses: int
    homogeneous = True

    @property
    def roundings(self) -> int:
        return max(self.terms_of, 1)

    @property
    def roundings_back(self) -> int:
        return self.uses

    def lipschitz(self) -> float:
        return float(self.terms_of)

    def __call__(self, z: Tensor) -> Tensor:
        return self.function(z)

    def linear(self, z: Tensor) -> Tensor:
        return self(z)

    def absolute(self, z: Tensor) -> Tensor:
        return self(z)


def lower_summation(operator: Callable[..., Tensor], z: Value, *arguments: object, shape: tuple[int, ...]) -> Lowered:
    """Lower a torch operator that adds elements, after counting them on ones.

    Raises:
        UnsupportedOpError: an example reads elements of another.
    """

    def function(values: Tensor) -> Tensor:
        return operator(values, *arguments)

    with torch.enable_grad():
        ones = torch.ones(2, *z.shape, dtype=torch.float64, device="cpu").requires_grad_()
        sums = function(ones * torch.tensor([1.0, 0.0], dtype=torch.float64).view(2, *(1,) * len(z.shape)))
        (uses,) = torch.autograd.grad(sums[0].sum(), ones)
    if sums[1].any() or not torch.equal(function(ones.detach().flip(0))[1], sums[0]):
        raise UnsupportedOpError("it adds elements of different examples of a batch")
    return Lowered(partial(Summation, function, int(sums.max()), int(uses.max())), (z,))


CASES = {
    aten.im2col.default: lambda x: F.unfold(x, (2, 3), stride=(1, 2), padding=1),
    aten.cumsum.default: lambda x: x.cumsum(1) + x.cumsum(-2),
    aten.col2im.default: lambda x: F.fold(F.unfold(x, (2, 3), padding=1), (5, 6), (2, 3), padding=1),
    aten.diag_embed.default: lambda x: x.diag_embed(1, 1, -1),
}
for operator, case in CASES.items():
    lowers(operator, case=case)(partial(lower_summation, operator))
