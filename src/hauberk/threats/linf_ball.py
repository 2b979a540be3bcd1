"""The l_inf ball."""

from math import inf

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.radius import per_example
from hauberk.sets.ball_threat import BallThreat
from hauberk.sets.box_set import BoxSet


class LinfSet(BoxSet):
    """The points within `radius` of `start` in every coordinate that lie in the range of valid inputs: a box.

    Arguments are those of `BoxSet`; `around` computes the boxes. Points outside them are valid within the range.
    """

    limits, weight, uncut = NormBall.limits, NormBall.weight, NormBall.uncut

    @classmethod
    def around(
        cls, start: Float[Tensor, "b *z"], radius: Float[Tensor, "b"], within: tuple[float, float] | None
    ) -> "LinfSet":
        """Return the set with these centres and radii, cut by the range."""
        reach = per_example(radius, start)
        low, high = within or (-inf, inf)
        return cls(start, radius, Box((start - reach).clamp_(min=low), (start + reach).clamp_(max=high)), within)

    def to(self, dtype: torch.dtype) -> "LinfSet":
        """Return the set in another precision; a wider one computes the box anew, with less rounding."""
        return self.around(self.start.to(dtype), self.radius.to(dtype), self.within)

    def size(self, move: Float[Tensor, "b *z"]) -> Float[Tensor, "b"]:
        return move.flatten(1).abs().amax(1)

    def resized(self, radius: Float[Tensor, "b"]) -> "LinfSet":
        return LinfSet.around(self.start, radius, self.within)


class LinfBall(BallThreat):
    """The threat that every pixel moves by up to eps, within the range of valid inputs.

    Args:
        eps: the radius, in units of the input: a number, "8/255", or a tensor (b,) with one radius per example.
        within: the range of valid inputs; None if every number is valid.

    Raises:
        InputError: eps is negative, not finite or not a number.

    Example:
        >>> import torch
        >>> from hauberk.threats import LinfBall
        >>> S = LinfBall("1/8").at(torch.tensor([[0.25, 0.0]]))
        >>> S.project(torch.tensor([[1.0, -1.0]]))
        tensor([[0.3750, 0.0000]])
    """

    norm = "linf"

    def at(self, x: Float[Tensor, "b *x"]) -> LinfSet:
        return LinfSet.around(*self.centers(x))
