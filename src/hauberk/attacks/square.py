"""The Square attack in the l_inf norm."""

from dataclasses import dataclass
from math import inf

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.cases import Cases
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall, require_ball
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.searches.query_search import QuerySearch, windows


@dataclass(frozen=True)
class Square(QuerySearch):
    """Vertical stripes, then squares of one sign a channel: every pixel is at an end of its interval all the time.

    For l_inf balls; `SquareWindows` is its sibling for l_2 and l_1 balls. Adding 2 eps to what is at an end and
    clamping it, as published, sets it to the end of the drawn sign, which is what is done here.

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
        box, place = S.bounding_box(), windows(z, side, drawn[:, :2])
        down = (drawn[:, 2:, None] < 0.5).expand(-1, -1, side * side).flatten(1)
        lower, upper = (end.flatten(1).gather(1, place) for end in (box.lower, box.upper))
        return z.flatten(1).scatter(1, place, torch.where(down, lower, upper)).view_as(z)
