"""Flows of pixels."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from hauberk.errors import ShapeError
from hauberk.ranges import NonNegative
from hauberk.sets.ball_threat import BallThreat
from hauberk.sets.flow_set import FlowSet
from hauberk.sets.linf_set import LinfSet


@dataclass(frozen=True)
class Flow(BallThreat):
    """The threat that every pixel shows what is up to eps away from it along each axis, interpolated between pixels.

    Images turn, bend and tremble. Flows of neighbours may differ; `attacks.Adam` can charge for it. No flow leaves the
    input exactly as it is. Proofs are over the box of what each pixel can show.

    Args:
        eps: the radius as a share of half the image's height and width: at 0.05, 0.8 of 32 pixels.
        within: the range of valid inputs; None if every number is valid.

    Raises:
        InputError: eps is negative, not finite or not a number.

    Example:
        >>> import torch
        >>> from hauberk.threats import Flow
        >>> S = Flow(0.5).at(torch.tensor([[[[0.0, 0.5, 1.0, 1.0]]]]))
        >>> S.decode(S.start + torch.tensor([0.25, 0.0]))  # every pixel looks half a pixel to the right
        tensor([[[[0.2500, 0.7500, 1.0000, 1.0000]]]])

    Source: Xiao et al. 2018 (StAdv); the bound and its value: Laidlaw, Singla & Feizi 2021.
    """

    eps: NonNegative | str | Float[Tensor, "b"] = 0.05
    norm = "flow"

    def at(self, x: Float[Tensor, "b *x"]) -> FlowSet:
        """Return the set around each input.

        Raises:
            ShapeError, InputError: as for other threats; also if inputs are not images (b, channels, height, width).
        """
        x, radius, within = self.centers(x)
        if x.ndim != 4:
            raise ShapeError(f"flows need images (b, channels, height, width), but inputs are {tuple(x.shape)}.")
        still = x.new_zeros(len(x), *x.shape[2:], 2)
        return FlowSet(x, LinfSet.around(still, radius, None), within)
