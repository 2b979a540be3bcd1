"""The absolute value."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.functions.piecewise import PiecewiseLinear

aten = torch.ops.aten


@dataclass(frozen=True)
class AbsoluteValue(PiecewiseLinear):
    """|z|."""

    rise = 0.0
    fall = math.inf
    slopes = (-1.0, 1.0, 1.0)

    def __call__(self, z: Tensor) -> Tensor:
        return z.abs()


@lowers(aten.abs.default, aten.absolute.default)
def lower_absolute_value(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's absolute value."""
    return Lowered(AbsoluteValue, (z,))
