"""A box given by the user."""

from dataclasses import dataclass, replace
from math import inf

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.accepted import tensor
from hauberk.concepts.box import Box
from hauberk.concepts.cases import Cases
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.radius import per_example, radii, radius, require_within
from hauberk.errors import InputError, ShapeError
from hauberk.ranges import NonNegative, Span
from hauberk.sets.box_set import BoxSet

DUST = 1e-6  # the share of the range, or of the largest bound, by which rounding may have moved an input out of its box


@dataclass(frozen=True)
class GivenBox(ThreatModel):
    """The threat that every pixel lies anywhere between its own two bounds, such as those of a specification.

    The radius of an example's set is the farthest that a pixel may move, within the valid range or not; the threat's
    eps is half the box's longest side, which is the same if the input is in the middle.

    Args:
        lower: the least value of every pixel, for each example or, with one row, for all of them.
        upper: the largest value of every pixel, likewise.
        within: the range of valid inputs, which cuts the box; None if every number is valid.
        scale: the factor by which the box is stretched about the inputs: one number, or one per example.

    Raises:
        InputError: a lower bound is above its upper one, or a bound or `scale` is not finite.
        ShapeError: the bounds differ in shape.
    """

    lower: Float[Tensor, "n *x"]
    upper: Float[Tensor, "n *x"]
    within: Span | None = (0.0, 1.0)
    scale: NonNegative | Float[Tensor, "b"] = 1.0
    name = "given box"

    @staticmethod
    def cases() -> Cases:
        return {
            "lower": [torch.full((1, 1, 4, 4), -0.05), torch.linspace(-0.1, 0.0, 16).view(1, 1, 4, 4)],
            "upper": [torch.linspace(1.0, 1.3, 16).view(1, 1, 4, 4)],
        }

    def __post_init__(self) -> None:
        for name in ("lower", "upper"):
            object.__setattr__(self, name, tensor(f"{name} bounds of a box", getattr(self, name)))
        if self.lower.shape != self.upper.shape or self.lower.ndim < 2:
            raise ShapeError(
                "a box has lower and upper bounds of one shape (examples, ...), but they have "
                f"{tuple(self.lower.shape)} and {tuple(self.upper.shape)}."
            )
        bad = ~((self.lower > -inf) & (self.lower <= self.upper) & (self.upper < inf))
        if bad.any():
            low, high = self.lower[bad][0].item(), self.upper[bad][0].item()
            raise InputError(
                f"a box needs finite bounds, lower <= upper, but {int(bad.sum())} of its {bad.numel()} intervals are "
                f"not so: [{low:.6g}, {high:.6g}], say."
            )
        object.__setattr__(self, "scale", radius(self.scale, "scale"))

    @property
    def eps(self) -> Float[Tensor, "n"]:
        """Half the longest side of each stretched box."""
        return (self.upper - self.lower).flatten(1).amax(1) * 0.5 * self.scale

    def at(self, x: Float[Tensor, "b *x"]) -> BoxSet:
        """Return the box around each input.

        Raises:
            ShapeError: x does not have the box's shape, or is not a batch of floating-point inputs.
            InputError: x contains NaN, or values outside the box or the range of valid inputs.
        """
        low, high = self.within or (-inf, inf)
        x = require_within(x, low, high)
        if self.lower.shape[1:] != x.shape[1:] or len(self.lower) not in (1, len(x)):
            raise ShapeError(
                f"the box is one for inputs of shape {tuple(self.lower.shape)}, but they have {tuple(x.shape)}: give "
                "bounds for each of them, or one row for all."
            )
        lower, upper = (t.to(x).expand(len(x), *t.shape[1:]) for t in (self.lower, self.upper))
        dust = DUST * (torch.maximum(lower.abs(), upper.abs()).amax() if self.within is None else high - low)
        outside = (x < lower - dust) | (x > upper + dust)
        if outside.any():
            value, least, most = (t[outside][0].item() for t in (x, lower, upper))
            raise InputError(
                f"inputs must lie in their box, but {int(outside.sum())} values do not: {value:.6g} is not in "
                f"[{least:.6g}, {most:.6g}], say."
            )
        x = x.clamp(lower, upper).clamp(low, high)
        scale = radii(self.scale, x)
        stretch = per_example(scale, x)
        box = Box(torch.lerp(x, lower, stretch).clamp(low, high), torch.lerp(x, upper, stretch).clamp(low, high))
        return BoxSet(x, torch.maximum(x - lower, upper - x).flatten(1).amax(1) * scale, box, self.within)

    def scaled(self, factor: float | Float[Tensor, "b"]) -> "GivenBox":
        """Return the threat with its box stretched about the inputs by `factor`, in the same range of valid inputs."""
        return replace(self, scale=self.scale * factor)
