"""The l_inf ball."""

from math import inf

from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.ball_threat import BallThreat
from hauberk.concepts.box import Box
from hauberk.concepts.box_set import BoxSet
from hauberk.concepts.perturbation_set import NormBall
from hauberk.concepts.radius import per_example


class LinfSet(BoxSet, NormBall):
    """The points within `radius` of `start` in every coordinate that lie in the range of valid inputs: a box."""

    p = inf

    def distance(self, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b"]:
        return (z - self.start).flatten(1).abs().amax(1)


class LinfBall(BallThreat):
    """Every pixel may move by eps, and stays within the range of valid inputs."""

    norm = "linf"

    def at(self, x: Float[Tensor, "b *x"]) -> LinfSet:
        start, eps = self.centers(x)
        reach = per_example(eps, start)
        low, high = self.within or (-inf, inf)
        return LinfSet(start, eps, Box((start - reach).clamp(min=low), (start + reach).clamp(max=high)))
