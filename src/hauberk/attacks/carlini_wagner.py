"""The attack of Carlini and Wagner in the l_2 norm."""

from dataclasses import dataclass
from functools import partial
from math import ceil, inf

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import MinimumDistanceAttack, Network, ascent
from hauberk.concepts.cases import Cases
from hauberk.concepts.loss import lead
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall, clamped
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example
from hauberk.ranges import Count, Positive
from hauberk.searches.nearest import Nearest
from hauberk.searches.required import require_ball
from hauberk.searches.trade_off import balanced, pull

FIRST, SECOND, TINY = 0.9, 0.999, 1e-8
"""Adam's decay rates for the means of gradients and of their squares, and the constant added to the divisor."""
INSIDE = 1 - 1e-6
"""Factor by which points are drawn inside the range, whose ends tanh reaches only at infinity."""
ENOUGH = 0.9999
"""A descent has converged if its objective is above this share of its value a tenth of the steps ago."""


@dataclass(frozen=True)
class CarliniWagner(MinimumDistanceAttack):
    """Minimisation of squared distance + weight * max(margin, 0) by Adam, with tanh keeping points in the valid range.

    Distances are measured in widths of that range.
    The weight is searched for per example, and each example's descent ends independently.

    Args:
        steps: the largest number of forward-backward passes per descent.
        rounds: the number of descents, each with a different weight.
        rate: Adam's learning rate.
        weight: the first weight.

    Raises:
        InputError: an argument is not positive.

    Source: Carlini & Wagner 2017, section VI A.
    """

    steps: Count = 10000
    rounds: Count = 9
    rate: Positive = 0.01
    weight: Positive = 0.001

    @staticmethod
    def cases() -> Cases:
        return {"rounds": [2], "rate": [0.1], "weight": [10.0]}

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise, enough: bool = False
    ) -> Float[Tensor, "b *z"]:
        """Return the nearest misclassified points found.

        Raises:
            UnsupportedSetError: the set is not a ball in the l_2 norm.
        """
        best = Nearest(require_ball(S, "CarliniWagner", 2.0), y, noise, enough)
        return balanced(partial(self.descend, network), network, best, self.rounds, self.weight)

    def descend(self, network: Network, best: Nearest, weight: Float[Tensor, "s"]) -> None:
        """Run one descent with these weights; `best` keeps the nearest misclassified points met."""
        w = variable(best.S)
        mean, square, last = torch.zeros_like(w), torch.zeros_like(w), torch.full_like(weight, inf)
        every = ceil(self.steps / 10)
        for step in range(self.steps):
            z, slope = point(best.S, w)
            found = ascent(lead, network, best.S, z, best.y)
            best.meet(found.misses(best.y), z)
            unit = per_example(best.S.unit, z)
            offset = (z - best.S.start) / unit
            objective = offset.square().flatten(1).sum(1) + weight * (-found.loss).clamp(min=0)
            gradient = (2 * offset / unit + pull(weight, found.loss, found.gradient)) * slope
            converged = None
            if step % every == 0:
                converged, last = objective > ENOUGH * last, objective
            w, mean, square, last, weight, gradient = best.pack(
                w, mean, square, last, weight, gradient, leaving=converged
            )
            if not len(best):
                break
            mean = torch.lerp(gradient, mean, FIRST)
            square = torch.lerp(gradient.square(), square, SECOND)
            ahead = (square / (1 - SECOND ** (step + 1))).sqrt() + TINY
            w = w - self.rate / (1 - FIRST ** (step + 1)) * mean / ahead


def variable(S: NormBall) -> Float[Tensor, "s *z"]:
    """Return the unbounded variable for the unperturbed point: the point in units if every number is valid."""
    if S.within is None:
        return S.start / per_example(S.unit, S.start)
    low, high = S.within
    return torch.atanh((2 * (S.start - low) / (high - low) - 1) * INSIDE)


def point(S: NormBall, w: Float[Tensor, "s *z"]) -> tuple[Float[Tensor, "s *z"], Float[Tensor, "s ..."]]:
    """Return the point that w represents, and its derivative with respect to w."""
    if S.within is None:
        unit = per_example(S.unit, w)
        return w * unit, unit
    low, high = S.within
    share = torch.tanh(w)
    return clamped(S, low + (high - low) / 2 * (share + 1)), (high - low) / 2 * (1 - share.square())
