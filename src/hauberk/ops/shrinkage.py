"""Functions that are the identity outside of an interval: soft and hard shrinkage, and the threshold."""

from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from hauberk.concepts.cases import Cases
from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.concepts.pieces import Pieces
from hauberk.functions.polygon import Polygon

aten = torch.ops.aten


@dataclass(frozen=True)
class SoftShrink(Polygon):
    """z moved towards zero by `distance`, or to zero if it is closer.

    Args:
        distance: the distance; positive.
    """

    distance: float = 0.5
    tight = True

    @staticmethod
    def cases() -> Cases:
        return {"distance": [0.5, 2.5]}

    @property
    def corners(self) -> tuple[tuple[float, float, float], ...]:
        return (-self.distance, 0.0, 0.0), (self.distance, 0.0, 0.0)

    @property
    def pieces(self) -> Pieces:
        """The bends and slopes, for exact methods."""
        return Pieces((-self.distance, self.distance), (1.0, 0.0, 1.0))

    def lipschitz(self) -> float:
        return 1.0

    def __call__(self, z: Tensor) -> Tensor:
        return F.softshrink(z, self.distance)


@dataclass(frozen=True)
class HardShrink(Polygon):
    """z, but 0 where |z| is at most `distance`: it jumps there.

    Args:
        distance: the distance; positive.
    """

    distance: float = 0.5

    @staticmethod
    def cases() -> Cases:
        return {"distance": [0.5, 2.5]}

    @property
    def corners(self) -> tuple[tuple[float, float, float], ...]:
        return (-self.distance, -self.distance, 0.0), (self.distance, 0.0, self.distance)

    def __call__(self, z: Tensor) -> Tensor:
        return F.hardshrink(z, self.distance)


@dataclass(frozen=True)
class Threshold(Polygon):
    """z where it exceeds a threshold, else a constant: it jumps there unless both are equal.

    Args:
        threshold: the threshold.
        value: the constant.
    """

    threshold: float = 0.0
    value: float = 0.0

    @staticmethod
    def cases() -> Cases:
        return {"threshold": [0.0, 1.0, -1.0], "value": [0.0, 0.25]}

    @property
    def corners(self) -> tuple[tuple[float, float, float], ...]:
        return ((self.threshold, self.value, self.threshold),)

    def __call__(self, z: Tensor) -> Tensor:
        return F.threshold(z, self.threshold, self.value)


@lowers(aten.softshrink.default, case=lambda x: F.softshrink(x, 0.25) + F.softshrink(2 * x))
def lower_soft_shrinkage(z: Value, distance: float = 0.5, *, shape: tuple[int, ...]) -> Lowered | Value:
    """Lower torch's soft shrinkage."""
    return Lowered(partial(SoftShrink, float(distance)), (z,)) if distance > 0 else z


@lowers(aten.hardshrink.default, case=lambda x: F.hardshrink(x, 0.25) + F.hardshrink(2 * x))
def lower_hard_shrinkage(z: Value, distance: float = 0.5, *, shape: tuple[int, ...]) -> Lowered | Value:
    """Lower torch's hard shrinkage."""
    return Lowered(partial(HardShrink, float(distance)), (z,)) if distance > 0 else z


@lowers(aten.threshold.default, case=lambda x: F.threshold(x, 0.5, -2.0) + F.threshold(2 * x, 0.25, 0.25, inplace=True))
def lower_threshold(z: Value, threshold: float, value: float, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's threshold."""
    return Lowered(partial(Threshold, float(threshold), float(value)), (z,))
