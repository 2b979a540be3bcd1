"""Fully connected layers."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.affine import Affine, Diagonal
from hauberk.concepts.lowering import Lowered, Stored, Value, lowers
from hauberk.functions.composition import call, composed


@dataclass(frozen=True)
class Linear(Affine):
    """weight @ z + bias, on the last dimension.

    Args:
        weight: the matrix.
        bias: the summands. None: 0.
    """

    weight: Float[Tensor, "out in"]
    bias: Float[Tensor, "out"] | None

    @cached_property
    def absolute_weight(self) -> Float[Tensor, "out in"]:
        """The absolute values of the weight."""
        return self.weight.abs()

    @property
    def homogeneous(self) -> bool:
        return self.bias is None

    @property
    def roundings(self) -> int:
        return self.weight.shape[1] + 1

    @property
    def roundings_back(self) -> int:
        return self.weight.shape[0]

    def __call__(self, z: Tensor) -> Tensor:
        return F.linear(z, self.weight, self.bias)

    def linear(self, z: Tensor) -> Tensor:
        return F.linear(z, self.weight)

    def absolute(self, z: Tensor) -> Tensor:
        return F.linear(z, self.absolute_weight)

    def offset(self, shapes: Sequence[tuple[int, ...]], like: Tensor) -> Tensor:
        return like.new_zeros(1, 1) if self.bias is None else self.bias[None]

    def then(self, diagonal: Diagonal) -> "Linear | None":
        scale, shift = diagonal.scale, diagonal.shift
        if scale.shape != (len(self.weight),) or shift.shape != scale.shape:
            return None
        return Linear(self.weight * scale[:, None], shift if self.bias is None else self.bias * scale + shift)

    def pull_back(self, rows: Tensor, shapes: Sequence[tuple[int, ...]]) -> tuple[Tensor]:
        return (rows @ self.weight,)


@lowers(torch.ops.aten.linear.default)
@composed
def lower_linear(z: Value, weight: Stored, bias: Stored | None = None, *, shape: tuple[int, ...]) -> Lowered | Value:
    """Lower torch's linear layer."""
    if len(weight.shape) == 1:
        return call(torch.ops.aten.matmul.default, z, weight)
    return Lowered(Linear, (z,), (weight, bias))
