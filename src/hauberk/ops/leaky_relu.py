"""Leaky rectified linear units: of a given slope, a learned one (PReLU), or the mean of random ones (RReLU)."""

import math
from dataclasses import dataclass
from functools import partial

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.cases import Cases
from hauberk.concepts.lowering import Lowered, Stored, Value, lowers
from hauberk.errors import UnsupportedOpError
from hauberk.functions.piecewise import PiecewiseLinear

aten = torch.ops.aten
WEIGHT = torch.tensor([0.25, -0.5, 1.5, 0.0], dtype=torch.float64)


def parametric(x: Tensor) -> Tensor:
    """Return PReLUs of a case for laws."""
    return F.prelu(x - 0.1, WEIGHT) + F.prelu(2 * x, WEIGHT[:1]) - F.prelu(x.flatten(2), WEIGHT).view_as(x)


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


@dataclass(frozen=True)
class PReLU(PiecewiseLinear):
    """z where z > 0, else a learned slope times z: convex where that is up to 1, concave elsewhere.

    Args:
        weight: the slopes left of zero.
    """

    weight: Float[Tensor, "*#z"]
    roundings = 1

    @staticmethod
    def cases() -> Cases:
        return {"weight": [torch.tensor(weight, dtype=torch.float64) for weight in (0.25, 0.0, -0.6, 1.7)]}

    @property
    def rise(self) -> Float[Tensor, "*#z"]:
        return torch.zeros_like(self.weight).masked_fill(self.weight > 1, -math.inf)

    @property
    def fall(self) -> Float[Tensor, "*#z"]:
        return torch.zeros_like(self.weight).masked_fill(self.weight <= 1, math.inf)

    @property
    def slopes(self) -> tuple[Float[Tensor, "*#z"], Float[Tensor, "*#z"], float]:
        return self.weight, torch.where(self.weight > 1, self.weight, 1.0), 1.0

    def __call__(self, z: Tensor) -> Tensor:
        return torch.where(z > 0, z, self.weight.to(z) * z)


@lowers(aten.leaky_relu.default)
def lower_leaky_relu(z: Value, negative_slope: float = 0.01, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's leaky ReLU."""
    return Lowered(partial(LeakyReLU, float(negative_slope)), (z,))


@lowers(aten.rrelu.default, case=lambda x: F.rrelu(x) - F.rrelu(x - 0.1, 0.2, 0.4, inplace=True))
def lower_random_relu(
    z: Value, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, *_: object, shape: tuple[int, ...]
) -> Lowered:
    """Lower torch's randomised leaky ReLU, whose slope is its mean in eval mode."""
    if training:
        raise UnsupportedOpError("its slopes are random in eval mode too, so the network has no fixed function")
    return Lowered(partial(LeakyReLU, (lower + upper) / 2), (z,))


@lowers(aten.prelu.default, case=parametric)
def lower_parametric_relu(z: Value, weight: Stored, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's PReLU, whose weights are one for all or one for each channel."""
    sizes = (-1, *(1,) * (len(shape) - 1))
    return Lowered(lambda slopes: PReLU(slopes.view(sizes)), (z,), (weight,))
