"""The l_inf ball."""

from jaxtyping import Float
from torch import Tensor

from hauberk.sets.ball_threat import BallThreat
from hauberk.sets.linf_set import LinfSet


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
