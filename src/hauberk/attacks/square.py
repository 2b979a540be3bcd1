"""The Square attack in the l_inf norm."""

from dataclasses import dataclass
from math import inf

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.cases import Cases
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.kernels.rows import COMPILED
from hauberk.kernels.windows import fill
from hauberk.searches.query_search import QuerySearch, windows
from hauberk.searches.required import require_ball


@dataclass(frozen=True)
class Square(QuerySearch):
    """Vertical stripes, then squares of one sign per channel: every pixel is always at an end of its interval.

    For images in l_inf balls and boxes; for l_2 and l_1 balls use `SquareWindows`. Adding 2 eps to a pixel at one end
    and clamping it, as published, sets it to the end of the drawn sign, which is done directly here.

    Args:
        loss: the loss to increase; `Margin` as published.
        queries: the number of squares tried on an image. As in the released code, one more network call shows the
            stripes.
        p: the share of an image's pixels that a square covers at first; it is halved on a schedule.
        planned: the number of squares that the schedule is made for; 10,000 as published, whatever `queries` is. Fewer
            make squares small earlier.
        start: an attack whose answers to begin with; None: begin with the stripes.

    Raises:
        InputError: `queries`, `p` or `planned` is not positive.

    Example:
        >>> import torch
        >>> from hauberk.attacks import Square
        >>> from hauberk.concepts.noise import Noise
        >>> from hauberk.losses import Margin
        >>> from hauberk.threats import LinfBall
        >>> def network(x):  # class 0 where the mean pixel is brighter than 0.5
        ...     mean = x.flatten(1).mean(1)
        ...     return torch.stack([mean, 1 - mean], 1)
        >>> S, y = LinfBall(0.1).at(torch.full((1, 1, 4, 4), 0.53)), torch.tensor([0])
        >>> z = Square(Margin(), queries=100)(network, S, y, noise=Noise.of(0, torch.arange(1)))
        >>> network(z).argmax(1) != y, S.contains(z)
        (tensor([True]), tensor([True]))

    Source: Andriushchenko et al. 2020, Alg. 2.
    """

    @staticmethod
    def cases() -> Cases:
        return {"queries": [20]}

    def supported(self, S: PerturbationSet) -> NormBall:
        return require_ball(S, "Square", inf)

    def numbers(self, channels: int) -> int:
        return 2 + channels

    def first(self, S: NormBall, noise: Noise) -> Float[Tensor, "b c h w"]:
        _, channels, _, width = S.start.shape
        box = S.bounding_box()
        return torch.where(noise.uniform((channels, 1, width)) < 0.5, box.lower, box.upper)

    def proposal(
        self, S: NormBall, z: Float[Tensor, "b c h w"], side: int, drawn: Float[Tensor, "b numbers"]
    ) -> Float[Tensor, "b c h w"]:
        if not (COMPILED and z.device.type == "cpu" and z.dtype.itemsize >= 4):  # numba has no half precision
            return self.plain_proposal(S, z, side, drawn)
        box = S.bounding_box()
        return fill(z, box.lower, box.upper, side, drawn)

    def plain_proposal(
        self, S: NormBall, z: Float[Tensor, "b c h w"], side: int, drawn: Float[Tensor, "b numbers"]
    ) -> Float[Tensor, "b c h w"]:
        """Return the same by torch's own operations."""
        box, place = S.bounding_box(), windows(z, side, drawn[:, :2])
        down = (drawn[:, 2:, None] < 0.5).expand(-1, -1, side * side).flatten(1)
        lower, upper = (end.flatten(1).gather(1, place) for end in (box.lower, box.upper))
        return z.flatten(1).scatter(1, place, torch.where(down, lower, upper)).view_as(z)
