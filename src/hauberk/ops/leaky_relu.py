"""The leaky rectified linear unit."""

import math
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from hauberk.concepts.cases import Cases
from hauberk.concepts.lowering import Lowered, Value, lowers
from hauberk.functions.piecewise import PiecewiseLinear


@dataclass(frozen=True)
class LeakyReLU(PiecewiseLinear):
    """z where z > 0, else negative_slope * z: convex for slopes up to 1, concave above.

    Args:
        negative_slope: the slope left of zero.
    """

    negative_slope: float = 0.01
    roundings = 1

    @staticmethod
    def cases() -> Cases:
        return {"negative_slope": [0.01, 0.0, -0.6, 1.7]}

    @property
    def convex(self) -> bool:
        """True if the function is convex."""
        return self.negative_slope <= 1

    @property
    def rise(self) -> float:
        return 0.0 if self.convex else -math.inf

    @property
    def fall(self) -> float:
        return math.inf if self.convex else 0.0

    @property
    def slopes(self) -> tuple[float, float, float]:
        return (self.negative_slope, 1.0 if self.convex else self.negative_slope, 1.0)

    def __call__(self, z: Tensor) -> Tensor:
        return F.leaky_relu(z, self.negative_slope)


@lowers(torch.ops.aten.leaky_relu.default)
def lower_leaky_relu(z: Value, negative_slope: float = 0.01, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's leaky ReLU."""
    return Lowered(partial(LeakyReLU, float(negative_slope)), (z,))
