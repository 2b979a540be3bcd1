"""Dropout, which does nothing in eval mode."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from hauberk.concepts.affine import Affine
from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.concepts.rows import Window
from hauberk.errors import UnsupportedOpError

aten = torch.ops.aten


@dataclass(frozen=True)
class Dropout(Affine):
    """The identity; raises when trained under bounds, where there is no fixed function to bound."""

    one_to_one = True
    homogeneous = True
    roundings = roundings_back = 0

    def __call__(self, z: Tensor) -> Tensor:
        return z

    def linear(self, z: Tensor) -> Tensor:
        return z

    def absolute(self, z: Tensor) -> Tensor:
        return z

    def pull_back(self, rows: Tensor, shapes: Sequence[tuple[int, ...]]) -> tuple[Tensor]:
        return (rows,)

    def pull_back_windows(
        self, rows: Tensor, window: Window, shapes: Sequence[tuple[int, ...]]
    ) -> list[tuple[Tensor, Window]]:
        return [(rows, window)]

    def observe(self, z: Tensor) -> Affine:
        raise UnsupportedOpError("active dropout has no fixed function to bound: set p = 0 for certified training.")


@lowers(
    *(aten.dropout.default, aten.feature_dropout.default, aten.alpha_dropout.default),
    *(aten.feature_alpha_dropout.default,),
    case=lambda x: F.feature_alpha_dropout(
        F.alpha_dropout(F.dropout2d(F.dropout(x, 0.3, False), 0.3, False), 0.3), 0.3
    ),
)
def lower_dropout(z: Value, share: float, active: bool, *, shape: tuple[int, ...]) -> Lowered | Value:
    """Lower torch's dropout if it is inactive."""
    if active:
        raise UnsupportedOpError("it is active in eval mode, so the network has no fixed function")
    return Lowered(Dropout, (z,)) if share > 0 else z
