"""The pointwise attack."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.attack import MinimumDistanceAttack, Network, misclassified
from hauberk.concepts.cases import Cases
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.ranges import Count, PositiveShare
from hauberk.searches.required import require_ball

Wrong = Callable[[Float[Tensor, "s"]], Bool[Tensor, "s"]]
"""A test of whether examples are misclassified with these values at the coordinates being visited."""


@dataclass(frozen=True)
class Pointwise(MinimumDistanceAttack):
    """Changes undone one coordinate at a time, in random order, as long as the network errs.

    First, coordinates are reset entirely, in passes over those still changed, until a pass resets none. For sets that
    measure more than the number of changed coordinates, further passes then bring each as near to its clean value as
    bisection finds, until a pass gains less than a share `gain` of the remaining l_1 distance.

    Args:
        start: the attack that finds the point to begin with; salt-and-pepper noise as published.
        halvings: the number of steps of a bisection.
        gain: the share of the l_1 distance below which a pass no longer counts as an improvement.

    Raises:
        InputError: halvings or gain is not positive.

    Source: Schott et al. 2019, Appendix.
    """

    start: MinimumDistanceAttack
    halvings: Count = 10
    gain: PositiveShare = 0.01
    black_box = True

    @staticmethod
    def cases() -> Cases:
        return {"halvings": [2]}

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise, enough: bool = False
    ) -> Float[Tensor, "b *z"]:
        """Return the misclassified point that remains.

        Raises:
            UnsupportedSetError: the set is not a ball.
        """
        ball = require_ball(S, "Pointwise")
        answer = self.start(network, S, y, noise=noise, enough=enough).clone()
        for phase, move in enumerate([reset] if ball.p == 0 else [reset, self.bisected]):
            left, stream = torch.arange(len(y), device=y.device), noise.fold(phase + 1)
            for number in count():
                ball, z = S.select(left), answer[left]
                going = (z != ball.start).flatten(1).any(1)
                left = left[going & ~ball.contains(z) if enough else going]
                if not len(left):
                    break
                ball, z = require_ball(S.select(left), "Pointwise"), answer[left]
                nearer = visited(move, network, ball, z, y[left], stream.select(left).fold(number))
                answer[left] = nearer
                before, moved = ((t.flatten(1)).abs().sum(1) for t in (z - ball.start, nearer - z))
                left = left[moved > (0 if move is reset else self.gain * before)]
        return answer

    def bisected(self, wrong: Wrong, clean: Float[Tensor, "s"], value: Float[Tensor, "s"]) -> Float[Tensor, "s"]:
        """Return the misclassified value nearest to the clean one that bisection finds."""
        for _ in range(self.halvings):
            middle = 0.5 * (clean + value)
            errs = wrong(middle)
            clean, value = torch.where(errs, clean, middle), torch.where(errs, middle, value)
        return value


def reset(wrong: Wrong, clean: Float[Tensor, "s"], value: Float[Tensor, "s"]) -> Float[Tensor, "s"]:
    """Return the clean value where it is misclassified."""
    return torch.where(wrong(clean), clean, value)


def visited(
    move: Callable[[Wrong, Tensor, Tensor], Tensor],
    network: Network,
    S: NormBall,
    z: Float[Tensor, "b *z"],
    y: Int[Tensor, "b"],
    noise: Noise,
) -> Float[Tensor, "b *z"]:
    """Return z with each example's changed coordinates moved, in a random order of its own."""
    flat, start = z.flatten(1).clone(), S.start.flatten(1)
    changed = flat != start
    order = torch.where(changed, noise.uniform((flat.shape[1],)), 1.0).argsort(1)
    total = changed.sum(1)
    for turn in range(int(total.max())):
        rows = (total > turn).nonzero()[:, 0]
        place, several = order[rows, turn], S.select(rows)

        def wrong(
            value: Tensor, rows: Tensor = rows, place: Tensor = place, several: PerturbationSet = several
        ) -> Tensor:
            flat[rows, place] = value
            return misclassified(network, several, flat[rows].view_as(several.start), y[rows])

        flat[rows, place] = move(wrong, start[rows, place], flat[rows, place])
    return flat.view_as(z)
