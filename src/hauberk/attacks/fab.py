"""The fast adaptive boundary attack."""

from dataclasses import dataclass
from math import inf

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import (
    Ascent,
    MinimumDistanceAttack,
    Network,
    ascent,
    misclassified,
)
from hauberk.concepts.cases import Cases
from hauberk.concepts.loss import lead
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall, clamped
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example
from hauberk.concepts.subject import errs
from hauberk.kernels.host import on_host
from hauberk.ranges import Count, Natural, Positive, PositiveShare, Share
from hauberk.searches.borders import nearest_border, ranked_targets
from hauberk.searches.nearest import Nearest
from hauberk.searches.required import require_ball, require_norm


@dataclass(frozen=True)
class FAB(MinimumDistanceAttack):
    """Projections onto the linearised border of a class, drawn towards the input, with a step back after crossing it.

    Projections are the nearest points within the range of valid inputs, in the set's own norm.

    Args:
        steps: the number of forward-backward passes per target and restart; one more wherever a border is crossed.
        targets: the number of wrong classes to head for, one after the other: those of the largest logits at the
            input. 0: always head for the nearest border, at one backward pass per class.
        alpha_max: the largest weight of the input's projection in its mean with the point's.
        overshoot: the factor by which the projections' moves are lengthened.
        backward: the share of the way from the input to a misclassified point at which the search goes on.
        restarts: the number of starts: the input, then random points within half the distance of the nearest
            misclassified point or half the set's radius, whichever is less.

    Raises:
        InputError: steps, restarts, alpha_max or overshoot is not positive, or targets is negative.

    Source: Croce & Hein 2020.
    """

    steps: Count = 100
    targets: Natural = 9
    alpha_max: PositiveShare = 0.1
    overshoot: Positive = 1.05
    backward: Share = 0.9
    restarts: Count = 1

    @staticmethod
    def cases() -> Cases:
        return {"targets": [2, 0], "restarts": [2]}

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise, enough: bool = False
    ) -> Float[Tensor, "b *z"]:
        """Return the nearest misclassified points found.

        Raises:
            UnsupportedSetError: the set is not a ball in a norm; without targets, also if it is an l_0 ball, which has
                no dual norm.
        """
        ball = require_ball(S, "FAB") if self.targets else require_norm(S, "FAB without targets")
        best = Nearest(ball, y, noise, enough)
        with torch.no_grad():
            logits = network(S.decode(S.start))
        best.meet(errs(logits, y), S.start)
        (ranked,) = best.pack(ranked_targets(logits, y))
        runs = min(self.targets, ranked.shape[1]) or 1
        for restart in range(self.restarts):
            run = 0
            while run < runs and len(best):
                together = range(run, min(runs, run + max(1, FULL // best.S.start.numel())))
                ranked, run = self.headed(network, best, ranked, together, restart), together.stop
        return best.answers()

    def headed(
        self, network: Network, best: Nearest, ranked: Int[Tensor, "s k"], runs: range, restart: int
    ) -> Int[Tensor, "left k"]:
        """Search for several targets as one batch; return the ranked classes of the examples that are left."""
        rows = torch.arange(len(best), device=ranked.device).repeat(len(runs))
        copies = Nearest(best.S.select(rows), best.y[rows], best.noise.select(rows), best.enough)
        begin = torch.cat([self.beginning(best, restart, run) for run in runs])
        self.walk(network, copies, begin, ranked.mT[runs.start : runs.stop].reshape(-1, 1) if self.targets else ranked)
        found = (copies.answers().split(len(best)), copies.lengths.split(len(best)))
        for z, distance in zip(*found, strict=True):
            best.meet(distance < inf, z)
        (ranked,) = best.pack(ranked)
        return ranked

    def beginning(self, best: Nearest, restart: int, run: int) -> Float[Tensor, "s *z"]:
        """Return the first points of a run: the input or, after a restart, random points near it."""
        if not restart:
            return best.S.start
        near = best.S.resized(torch.minimum(best.length, best.S.radius) / 2)
        return near.sample(best.noise.fold(restart).fold(run))

    def walk(self, network: Network, best: Nearest, z: Float[Tensor, "s *z"], targets: Int[Tensor, "s k"]) -> None:
        """Search from one start, for one target or for the nearest border of several."""
        found = self.border(network, best.S, z, best.y, targets)
        value, normal = found.loss, found.gradient
        often = here = not on_host(z)  # where looking for those that step back would make the processor wait
        for step in range(self.steps):
            z = self.moved(best.S, z, value, normal)
            if often:  # most will step back: looking first is cheaper than a wasted gradient
                wrong = misclassified(network, best.S, z, best.y)
                best.meet(wrong, z)
                z, targets, wrong = best.pack(z, targets, wrong)
                if not len(best):
                    break
                z = torch.where(per_example(wrong, z), torch.lerp(best.S.start, z, self.backward), z)
                found = self.border(network, best.S, z, best.y, targets)
                value, normal, often = found.loss, found.gradient, here or bool(wrong.float().mean() > OFTEN)
                continue
            found = self.border(network, best.S, z, best.y, targets)
            wrong = found.misses(best.y)
            best.meet(wrong, z)
            z, value, normal, targets, wrong = best.pack(z, found.loss, found.gradient, targets, wrong)
            if not len(best):
                break
            if step + 1 < self.steps and wrong.any():
                back = best.S.select(wrong)
                z[wrong] = back.start + self.backward * (z[wrong] - back.start)
                found = self.border(network, back, z[wrong], best.y[wrong], targets[wrong])
                value[wrong], normal[wrong] = found.loss, found.gradient
                often = bool(wrong.float().mean() > OFTEN)

    def border(
        self,
        network: Network,
        S: NormBall,
        z: Float[Tensor, "s *z"],
        y: Int[Tensor, "s"],
        targets: Int[Tensor, "s k"],
    ) -> Ascent:
        """Return the linearised border of the first target or, without targets, of the nearest class."""
        if self.targets:
            return ascent(lead, network, S, z, y, targets[:, 0])
        return nearest_border(network, S, z, y, targets)

    def moved(
        self, S: NormBall, z: Float[Tensor, "s *z"], value: Float[Tensor, "s"], normal: Float[Tensor, "s *z"]
    ) -> Float[Tensor, "s *z"]:
        """Return the mean of both projections' lengthened moves, each weighted by the other's length.

        Coordinates without slope stay where they are, even where the range does not reach the border.
        """
        normal = torch.where(normal.abs() * per_example(S.unit, normal) > LEVEL, normal, 0)
        offset = (normal * z).flatten(1).sum(1) - value
        step = S.meet(z, normal, offset) - z
        other = S.meet(S.start, normal, offset) - S.start
        size, away = S.size(step), S.size(other)
        share = (size / (size + away).clamp(min=torch.finfo(z.dtype).tiny)).clamp(max=self.alpha_max)
        return clamped(
            S, torch.lerp(z + self.overshoot * step, S.start + self.overshoot * other, per_example(share, z))
        )


LEVEL = 1e-8
"""Slopes below this, over the width of the range of valid inputs, count as zero, as in the released code."""
FULL = 2**18
"""Size, in numbers, below which the rest of a batch is filled up with several targets."""
OFTEN = 0.3
"""Approximate cost of a forward pass, as a share of that of a forward-backward pass."""
