"""Boxes: element-wise lower and upper bounds."""

from collections.abc import Callable
from functools import cached_property

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hauberk.concepts.rounding import summed


class Box:
    """The set of tensors that lie element-wise between `lower` and `upper`; immutable.

    Built from lower and upper, or with `around` from centre and radius. The other pair is computed on first access,
    so that a chain of affine steps only ever uses centre and radius.

    Args:
        lower: the lower bounds.
        upper: the upper bounds, of the same shape.
    """

    def __init__(self, lower: Float[Tensor, "*z"], upper: Float[Tensor, "*z"]) -> None:
        self.__dict__.update(lower=lower, upper=upper)

    @classmethod
    def around(cls, center: Float[Tensor, "*z"], radius: Float[Tensor, "*z"]) -> "Box":
        """Return the box `center` +- `radius` (non-negative)."""
        box = cls.__new__(cls)
        box.__dict__.update(center=center, radius=radius)
        return box

    @classmethod
    def positive(cls, lower: Float[Tensor, "*z"], upper: Float[Tensor, "*z"]) -> "Box":
        """Return the box between bounds known to be non-negative, so that the upper bound is the magnitude."""
        box = cls(lower, upper)
        box.__dict__["magnitude"] = upper
        return box

    @cached_property
    def lower(self) -> Float[Tensor, "*z"]:
        """The lower bounds."""
        return self.center - self.radius

    @cached_property
    def upper(self) -> Float[Tensor, "*z"]:
        """The upper bounds."""
        return self.center + self.radius

    @cached_property
    def center(self) -> Float[Tensor, "*z"]:
        """The midpoints of the bounds."""
        return torch.lerp(self.lower, self.upper, 0.5)

    @cached_property
    def radius(self) -> Float[Tensor, "*z"]:
        """Half the distances between the bounds."""
        return (self.upper - self.lower).mul_(0.5)

    @cached_property
    def magnitude(self) -> Float[Tensor, "*z"]:
        """The largest absolute value that each element can take."""
        return torch.maximum(-self.lower, self.upper)

    @cached_property
    def size(self) -> Float[Tensor, "b"]:
        """The sum of each example's magnitudes, plus 1."""
        return summed(self.magnitude) + 1

    @property
    def unstable(self) -> Bool[Tensor, "*z"]:
        """A mask of the elements with zero strictly inside: the neurons for which a ReLU is relaxed."""
        return (self.lower < 0) & (self.upper > 0)

    def map(self, copy: Callable[[Tensor], Tensor]) -> "Box":
        """Return the box with its elements moved by `copy`, which must neither change nor mix their values."""
        tensors = {name: t for name, t in vars(self).items() if name != "size"}
        different = {id(t): t for t in tensors.values()}  # the magnitude may be the upper bound itself
        copies = {key: copy(t) for key, t in different.items()}
        box = Box.__new__(Box)
        box.__dict__.update({name: copies[id(t)] for name, t in tensors.items()})
        return box

    def to(self, dtype: torch.dtype) -> "Box":
        """Return the box with its bounds in another precision."""
        return Box(self.lower.to(dtype), self.upper.to(dtype))

    def intersect(self, other: "Box") -> "Box":
        """Return the intersection of both boxes, never looser than either; a bound that is NaN says nothing."""
        return Box(torch.fmax(self.lower, other.lower), torch.fmin(self.upper, other.upper))
