"""Functions that are linear between two bounds and constant outside: clamp, hardtanh, ReLU6, hard sigmoid."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from hauberk.concepts.cases import Cases
from hauberk.concepts.lowering import Lowered, Operand, Value, lowers
from hauberk.errors import UnsupportedOpError
from hauberk.functions.composition import call, composed, enlarged
from hauberk.functions.piecewise import Number, PiecewiseLinear

aten = torch.ops.aten
LEAST = torch.linspace(-1, 0.5, 4, dtype=torch.float64)[:, None, None]


@dataclass(frozen=True)
class Hardtanh(PiecewiseLinear):
    """The point nearest to z between two bounds, either of which may be infinite.

    Args:
        minimum: the lower bound.
        maximum: the upper bound.
    """

    minimum: Number = -1.0
    maximum: Number = 1.0
    slopes = (0.0, 1.0, 0.0)

    @staticmethod
    def cases() -> Cases:
        tensors = [torch.tensor(bound, dtype=torch.float64) for bound in (-1.0, 2.5)]
        return {"minimum": [-1.0, 0.0, -math.inf, tensors[0]], "maximum": [1.0, 2.5, math.inf, tensors[1]]}

    @property
    def rise(self) -> Number:
        return self.minimum

    @property
    def fall(self) -> Number:
        return self.maximum

    @property
    def roundings(self) -> int:
        """One if a bound is not a float32 number, and so is rounded in networks of that precision."""
        numbers = [bound for bound in (self.minimum, self.maximum) if isinstance(bound, float)]
        bounds = torch.tensor(numbers, dtype=torch.float64)
        return int(not torch.equal(bounds, bounds.float().double()))

    def __call__(self, z: Tensor) -> Tensor:
        for function, bound in ((torch.clamp_min, self.minimum), (torch.clamp_max, self.maximum)):
            z = function(z, bound.to(z) if isinstance(bound, Tensor) else bound)
        return z


@dataclass(frozen=True)
class HardSigmoid(PiecewiseLinear):
    """z / 6 + 1 / 2, cut off at 0 and 1."""

    rise = -3.0
    fall = 3.0
    slopes = (0.0, 1 / 6, 0.0)
    roundings = 4

    def __call__(self, z: Tensor) -> Tensor:
        return F.hardsigmoid(z)


@lowers(aten.hardtanh.default)
def lower_hardtanh(z: Value, min_val: float = -1.0, max_val: float = 1.0, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's hardtanh."""
    return lower_clamp(z, min_val, max_val, shape=shape)


@lowers(aten.clamp.default, aten.clip.default, aten.clamp_min.default)
def lower_clamp(z: Value, min: float | None = None, max: float | None = None, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's clamp; a bound of None is infinite."""
    minimum, maximum = -math.inf if min is None else float(min), math.inf if max is None else float(max)
    if not minimum <= maximum:
        raise UnsupportedOpError(f"its bounds are the wrong way round: {minimum} is not below {maximum}")
    return Lowered(partial(Hardtanh, minimum, maximum), (z,))


@lowers(aten.clamp_max.default)
def lower_clamp_max(z: Value, max: float, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's clamp from above."""
    return lower_clamp(z, None, max, shape=shape)


@lowers(
    *(aten.clamp.Tensor, aten.clip.Tensor),
    case=lambda x: (
        torch.clamp(x, LEAST, LEAST + 1)
        + torch.clip(x, max=LEAST + 0.5)
        + torch.clamp(x[:, :1], LEAST + 0.3, LEAST - LEAST.flip(0))
        + torch.clamp(x, x.mean(1, keepdim=True), 2 + LEAST)
    ),
)
@composed
def lower_clamp_between(z: Any, min: Any = None, max: Any = None, *, shape: tuple[int, ...]) -> Lowered | Value:
    """Lower torch's clamp between tensors; the upper one counts where they are the wrong way round."""
    if isinstance(min, Value) or isinstance(max, Value) or not isinstance(z, Value):
        z = z if min is None else call(aten.maximum.default, z, min)
        return z if max is None else call(aten.minimum.default, z, max)

    def make(low: Tensor | None, high: Tensor | None) -> Hardtanh:
        if low is not None and high is not None:
            low = torch.minimum(low, high)
        return Hardtanh(-math.inf if low is None else low, math.inf if high is None else high)

    return Lowered(make, (enlarged(z, shape),), (min, max))


@lowers(aten.clamp_min.Tensor, case=lambda x: torch.clamp_min(x, LEAST))
def lower_clamp_above(z: Operand, min: Operand, *, shape: tuple[int, ...]) -> Lowered | Value:
    """Lower torch's clamp from below by a tensor."""
    return lower_clamp_between(z, min, None, shape=shape)


@lowers(aten.clamp_max.Tensor, case=lambda x: torch.clamp_max(x, LEAST))
def lower_clamp_below(z: Operand, max: Operand, *, shape: tuple[int, ...]) -> Lowered | Value:
    """Lower torch's clamp from above by a tensor."""
    return lower_clamp_between(z, None, max, shape=shape)


@lowers(aten.relu6.default)
def lower_relu6(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's ReLU6."""
    return lower_clamp(z, 0.0, 6.0, shape=shape)


@lowers(aten.hardsigmoid.default)
def lower_hard_sigmoid(z: Value, *, shape: tuple[int, ...]) -> Lowered:
    """Lower torch's hard sigmoid."""
    return Lowered(HardSigmoid, (z,))
