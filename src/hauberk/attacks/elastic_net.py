"""The elastic-net attack in the l_1 norm."""

from dataclasses import dataclass
from functools import partial
from math import sqrt

from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import MinimumDistanceAttack, Network, ascent
from hauberk.concepts.cases import Cases
from hauberk.concepts.loss import lead
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall, clamped
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example
from hauberk.ranges import Count, NonNegative, Positive
from hauberk.searches.nearest import Nearest
from hauberk.searches.required import require_ball
from hauberk.searches.trade_off import balanced, pull


@dataclass(frozen=True)
class ElasticNet(MinimumDistanceAttack):
    """Minimisation of weight * max(margin, 0) + squared l_2 distance + beta * l_1 distance by accelerated shrinkage.

    Distances are measured in widths of the range of valid inputs. The weight is searched for per example.

    Args:
        steps: the number of forward-backward passes per descent, with as many forward passes in addition.
        rounds: the number of descents, each with a different weight.
        beta: the weight of the l_1 distance, and the amount by which every step shrinks every change.
        rate: the length of the first step; lengths fall with the square root of the share of steps left.
        weight: the first weight.
        elastic: True: the nearest point is the one with the least squared l_2 distance + beta * l_1 distance; False:
            the one with the least l_1 distance.

    Raises:
        InputError: steps, rounds, rate or weight is not positive.

    Source: Chen et al. 2018 (EAD with FISTA).
    """

    steps: Count = 1000
    rounds: Count = 9
    beta: NonNegative = 0.01
    rate: Positive = 0.01
    weight: Positive = 0.001
    elastic: bool = False

    @staticmethod
    def cases() -> Cases:
        return {"rounds": [2], "rate": [0.1], "weight": [100.0]}

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise, enough: bool = False
    ) -> Float[Tensor, "b *z"]:
        """Return the nearest misclassified points found.

        Raises:
            UnsupportedSetError: the set is not a ball in the l_1 norm.
        """
        best = Nearest(require_ball(S, "ElasticNet", 1.0), y, noise, enough)
        return balanced(partial(self.descend, network), network, best, self.rounds, self.weight)

    def descend(self, network: Network, best: Nearest, weight: Float[Tensor, "s"]) -> None:
        """Run one descent with these weights; `best` keeps the nearest misclassified points met."""
        z = ahead = best.S.start
        for step in range(self.steps):
            found = ascent(lead, network, best.S, ahead, best.y)
            unit = per_example(best.S.unit, ahead)
            offset = (ahead - best.S.start) / unit
            gradient = 2 * offset + pull(weight, found.loss, found.gradient) * unit
            moved = offset - self.rate * sqrt(1 - step / self.steps) * gradient
            shrunk = moved.sign() * (moved.abs() - self.beta).clamp(min=0)
            last, z = z, clamped(best.S, best.S.start + unit * shrunk)
            ahead = z + step / (step + 3) * (z - last)
            best.look(network, z, self.length(best.S, z) if self.elastic else None)
            z, ahead, weight = best.pack(z, ahead, weight)
            if not len(best):
                break

    def length(self, S: NormBall, z: Float[Tensor, "s *z"]) -> Float[Tensor, "s"]:
        """Return the squared l_2 distance + beta * l_1 distance of z from the input."""
        offset = ((z - S.start) / per_example(S.unit, z)).flatten(1)
        return offset.square().sum(1) + self.beta * offset.abs().sum(1)
