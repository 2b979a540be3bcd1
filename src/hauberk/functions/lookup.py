"""Functions known by bisection: tabulated once in float64, looked up by linear interpolation."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import cache

import torch
from jaxtyping import Bool, Float
from scipy.interpolate import CubicSpline
from torch import Tensor

KNOTS, NODES = 1025, 2**16


def bisected(
    before: Callable[[Tensor], Bool[Tensor, "n"]], low: Float[Tensor, "n"], high: Float[Tensor, "n"]
) -> Float[Tensor, "n"]:
    """Return the point up to which the condition `before` holds, as it does at `low` but not at `high`."""
    for _ in range(64):
        middle = 0.5 * (low + high)
        holds = before(middle)
        low, high = torch.where(holds, middle, low), torch.where(holds, high, middle)
    return 0.5 * (low + high)


class Lookup(ABC):
    """A smooth function of one variable y in [0, end], interpolated linearly between equidistant nodes.

    It is computed exactly at fewer knots, and from these at the nodes by a cubic spline. A look-up costs about ten
    element-wise passes. Hashable: a table is computed once per dtype and device.
    """

    end: float

    @abstractmethod
    def knots(self, y: Float[Tensor, "n"]) -> Float[Tensor, "n"]:
        """Return the function's values at y, in float64."""

    def at(self, y: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
        """Return the function at y, which is clamped to [0, end]; NaN counts as 0."""
        values, steps = table(self, y.dtype, y.device)
        position = torch.nan_to_num(y * ((NODES - 1) / self.end)).clamp(0, NODES - 1)
        index = position.long()
        return torch.addcmul(values[index], position - index, steps[index])


@cache
def table(lookup: Lookup, dtype: torch.dtype, device: torch.device) -> tuple[Float[Tensor, "n"], Float[Tensor, "n"]]:
    """Return the function's values at the nodes, and its increments from each to the next."""
    with torch.inference_mode(False), torch.no_grad():
        y = torch.linspace(0, lookup.end, KNOTS, dtype=torch.float64)
        spline = CubicSpline(y.numpy(), lookup.knots(y).numpy())
        values = torch.from_numpy(spline(torch.linspace(0, lookup.end, NODES, dtype=torch.float64).numpy()))
        steps = torch.cat([values.diff(), values.new_zeros(1)])
        return values.to(device, dtype), steps.to(device, dtype)
