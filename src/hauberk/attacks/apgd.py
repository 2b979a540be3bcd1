"""Auto-PGD."""

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.attack import Network, SteerableAttack, ascent
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.metric_ball import MetricBall
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import NormBall
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example
from hauberk.ranges import Count, PositiveShare, Share
from hauberk.searches.required import require_ball
from hauberk.searches.search import Search, kept


@dataclass(frozen=True)
class APGD(SteerableAttack):
    """Projected steepest ascent with momentum, whose step length is halved, per example, when progress stalls.

    Answers with the first misclassified point met, or else with the point of largest loss. For l_inf, l_2 and
    Wasserstein balls; for l_1 balls use `SparseAPGD`.

    Args:
        loss: the loss to ascend.
        steps: the number of forward-backward passes after the first.
        rho: the step is halved at a checkpoint if the loss rose in at most this share of the steps since the last one.
        inertia: the share of a step that is new; the rest repeats the last one.
        samples: the number of passes that each step averages over, for a network that draws random numbers.

    Raises:
        InputError: steps or samples is not positive.
        UnsupportedSetError: the set is not a ball, or it is a pointed one (l_1, l_0).

    Example:
        >>> import torch
        >>> from hauberk.attacks import APGD
        >>> from hauberk.concepts.noise import Noise
        >>> from hauberk.losses import Margin
        >>> from hauberk.threats import LinfBall
        >>> def network(x):  # class 0 where the pixels sum to more than 0.5
        ...     return torch.stack([x.sum(1), 1 - x.sum(1)], 1)
        >>> x, y = torch.tensor([[0.3, 0.3], [0.9, 0.9]]), torch.tensor([0, 0])
        >>> S = LinfBall(0.1).at(x)
        >>> z = APGD(Margin(), steps=10)(network, S, y, noise=Noise.of(0, torch.arange(2)))
        >>> network(z).argmax(1) != y, S.contains(z)
        (tensor([ True, False]), tensor([True, True]))

    Source: Croce & Hein 2020, Alg. 1, and the released code.
    """

    loss: AdversarialLoss
    steps: Count = 100
    rho: Share = 0.75
    inertia: PositiveShare = 0.75
    samples: Count = 1

    def steered(
        self,
        network: Network,
        S: PerturbationSet,
        y: Int[Tensor, "b"],
        target: Int[Tensor, "b"] | None,
        *,
        noise: Noise,
    ) -> Float[Tensor, "b *z"]:
        if isinstance(S, NormBall) or not isinstance(S, MetricBall):
            require_ball(S, "APGD", above=1)
        search, ends, last = Search(S, y, target, noise), checkpoints(self.steps), 0
        walk = self.begin(network, search)
        for step in range(1, self.steps + 1):
            walk = Walk(*search.pack(*walk))
            if not len(search):
                break
            z, now = walk.z, search.S
            ahead = now.project(now.steepest_step(z, walk.gradient, walk.length, search.noise.fold(step)))
            if step > 1:
                ahead = now.project(z + self.inertia * (ahead - z) + (1 - self.inertia) * (z - walk.before))
            walk = self.moved(network, search, walk, ahead)
            if step in ends:
                walk, last = self.judged(search, walk, step - last), step
        return search.answers()

    def begin(self, network: Network, search: Search) -> "Walk":
        """Return the walk at its first point: one of the ball's border, drawn regardless of the range and cut by it.

        In balls without a norm it is any member.
        """
        S, noise = search.S, search.noise.fold(0)
        z = S.project(S.start + on_sphere(S, S.uncut().sample(noise))) if isinstance(S, NormBall) else S.sample(noise)
        found = ascent(self.loss, network, S, z, search.y, search.target, self.samples)
        search.meet(found.misses(search.y), z, found.loss)
        gradient, loss, never = found.gradient, found.loss, torch.full_like(found.loss, -inf)
        rises, reduced = torch.zeros_like(loss), torch.ones_like(search.y, dtype=torch.bool)
        return Walk(z, z, gradient, loss, gradient.clone(), never, 2 * S.step_unit, rises, reduced)

    def moved(self, network: Network, search: Search, walk: "Walk", z: Float[Tensor, "s *z"]) -> "Walk":
        """Return the walk at its next point."""
        found = ascent(self.loss, network, search.S, z, search.y, search.target, self.samples)
        better = search.meet(found.misses(search.y), z, found.loss)
        return walk._replace(
            z=z,
            before=walk.z,
            gradient=found.gradient,
            loss=found.loss,
            best_gradient=kept(walk.best_gradient, better, found.gradient),
            rises=walk.rises + (found.loss > walk.loss),
        )

    def judged(self, search: Search, walk: "Walk", window: int) -> "Walk":
        """Return the walk after a checkpoint: where it stalled, with its step halved and back at its best point."""
        stalled = (search.most <= walk.best_then) & ~walk.reduced
        reduced = (walk.rises <= self.rho * window) | stalled
        back = per_example(reduced, walk.z)
        return walk._replace(
            z=torch.where(back, search.best, walk.z),
            gradient=torch.where(back, walk.best_gradient, walk.gradient),
            best_then=search.most,
            length=torch.where(reduced, 0.5 * walk.length, walk.length),
            rises=torch.zeros_like(walk.rises),
            reduced=reduced,
        )


class Walk(NamedTuple):
    """The current point of each example, and a summary of its walk so far.

    Args:
        z: the current point.
        before: the previous point.
        gradient: the gradient of the loss at z.
        loss: the loss at z.
        best_gradient: the gradient at the point of largest loss so far.
        best_then: the largest loss at the last checkpoint.
        length: the length of a step, in units of the input.
        rises: the number of steps since the last checkpoint in which the loss rose.
        reduced: True where the last checkpoint halved the step.
    """

    z: Float[Tensor, "s *z"]
    before: Float[Tensor, "s *z"]
    gradient: Float[Tensor, "s *z"]
    loss: Float[Tensor, "s"]
    best_gradient: Float[Tensor, "s *z"]
    best_then: Float[Tensor, "s"]
    length: Float[Tensor, "s"]
    rises: Float[Tensor, "s"]
    reduced: Bool[Tensor, "s"]


def on_sphere(S: NormBall, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
    """Return the difference of z from the start, stretched to the ball's radius."""
    stretch = S.radius / S.distance(z).clamp(min=torch.finfo(z.dtype).tiny)
    return (z - S.start) * per_example(stretch.clamp(max=torch.finfo(z.dtype).max), z)


def checkpoints(steps: int) -> set[int]:
    """Return the steps after which progress is judged, in windows of .22, .19, .16, ..., .06 of all steps."""
    window, least, shrink = (max(int(share * steps), 1) for share in (0.22, 0.06, 0.03))
    ends, end = set(), window
    while end <= steps:
        ends.add(end)
        window = max(window - shrink, least)
        end += window
    return ends
