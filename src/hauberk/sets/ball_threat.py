"""Threat models that are balls in a norm."""

from dataclasses import dataclass, replace
from math import inf
from numbers import Real
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.radius import named, radii, radius, require_within, rounded
from hauberk.errors import InputError
from hauberk.ranges import NonNegative, Span


@dataclass(frozen=True)
class BallThreat(ThreatModel):
    """A threat that moves every input by up to eps in some norm, within the range of valid inputs.

    Args:
        eps: the radius, in units of the input: a number, "8/255", or a tensor (b,) with one radius per example.
        within: the range of valid inputs; None if every number is valid.

    Raises:
        InputError: eps is negative, not finite or not a number.
    """

    norm: ClassVar[str]
    """The norm's name in records and tables: "l2"."""

    eps: NonNegative | str | Float[Tensor, "b"]
    within: Span | None = (0.0, 1.0)

    def __post_init__(self) -> None:
        object.__setattr__(self, "eps", radius(self.eps))

    @property
    def name(self) -> str:
        return f"{self.norm} eps {named(self.eps)}"

    def centers(
        self, x: Float[Tensor, "b *x"]
    ) -> tuple[Float[Tensor, "b *x"], Float[Tensor, "b"], tuple[float, float] | None]:
        """Return the checked inputs, their radii and range, in the inputs' precision.

        Inputs outside the range by rounding only are clamped to it.
        """
        low, high = self.within or (-inf, inf)
        x = require_within(x, low, high)
        return x, radii(self.eps, x), rounded(self.within, x.dtype)  # pyright: ignore[reportArgumentType]

    def scaled(self, factor: float | Float[Tensor, "b"]) -> "BallThreat":
        return replace(self, eps=self.eps * factor)  # pyright: ignore[reportOperatorIssue]


def require_finite(within: object, need: str) -> None:
    """Raise unless a range of valid inputs has two finite ends, the first of them less.

    Raises:
        InputError: the message begins with what needs the range.
    """
    ends = within if isinstance(within, tuple | list) and all(isinstance(end, Real) for end in within) else ()
    if len(ends) != 2 or not -inf < ends[0] < ends[1] < inf:
        raise InputError(f"{need}, so a finite range, but within is {within!r}.")
