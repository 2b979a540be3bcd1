"""The sign."""

from dataclasses import dataclass

import torch
from torch import Tensor

from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.functions.polygon import Polygon

aten = torch.ops.aten


@dataclass(frozen=True)
class Sign(Polygon):
    """-1 below zero, 1 above, 0 there."""

    @property
    def corners(self) -> tuple[tuple[float, float, float], ...]:
        return ((0.0, -1.0, 1.0),)

    def __call__(self, z: Tensor) -> Tensor:
        return torch.sign(z)


@lowers(aten.sign.default, aten.sgn.default, case=lambda x: x.sign() * x + (x - 0.5).sgn())
def lower_sign(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's sign of real numbers."""
    return Lowered(Sign, (z,))
