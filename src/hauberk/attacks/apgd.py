"""Auto-PGD."""

from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.attack import Network, SteerableAttack, ascent, require_positive
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.norm_ball import require_ball
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example
from hauberk.searches.search import Search


@dataclass(frozen=True)
class APGD(SteerableAttack):
    """Projected steepest ascent with momentum, whose steps halve, example by example, where they stop to pay.

    Answers with the first misclassified point that it met, else with the point of largest loss. For l_inf and l_2
    balls; pointed ones are served by `SparseAPGD`.

    Args:
        loss: what it ascends.
        steps: how many forward-backward passes, beside the first.
        rho: a step is halved at a checkpoint where the loss rose in at most this share of the steps since the last.
        inertia: how much of a step is new; the rest repeats the last one.
        samples: how many passes of a network that draws random numbers a step averages over.

    Raises:
        InputError: steps or samples are not positive.
        UnsupportedSetError: the set is no ball in a norm, or a pointed one.

    Source: Croce & Hein 2020, Alg. 1, and the released code.
    """

    loss: AdversarialLoss
    steps: int = 100
    rho: float = 0.75
    inertia: float = 0.75
    samples: int = 1

    def __post_init__(self) -> None:
        require_positive("APGD", steps=self.steps, samples=self.samples)

    def steered(
        self,
        network: Network,
        S: PerturbationSet,
        y: Int[Tensor, "b"],
        target: Int[Tensor, "b"] | None,
        *,
        noise: Noise,
    ) -> Float[Tensor, "b *z"]:
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
                walk, last = self.judged(walk, step - last), step
        return search.answers(walk.best)

    def begin(self, network: Network, search: Search) -> "Walk":
        """Return the first point: a random one, as far out as the range allows."""
        S = search.S
        z = S.project(S.start + on_sphere(S, S.sample(search.noise.fold(0))))
        found = ascent(self.loss, network, S, z, search.y, search.target, self.samples)
        search.meet(found.misses(search.y), z)
        gradient, loss, never = found.gradient, found.loss, torch.full_like(found.loss, -inf)
        rises, reduced = torch.zeros_like(loss), torch.ones_like(search.y, dtype=torch.bool)
        return Walk(z, z, gradient, loss, z, gradient, loss, never, 2 * S.radius, rises, reduced)

    def moved(self, network: Network, search: Search, walk: "Walk", z: Float[Tensor, "s *z"]) -> "Walk":
        """Return the walk at its next point."""
        found = ascent(self.loss, network, search.S, z, search.y, search.target, self.samples)
        search.meet(found.misses(search.y), z)
        better = per_example(found.loss > walk.best_loss, z)
        return walk._replace(
            z=z,
            before=walk.z,
            gradient=found.gradient,
            loss=found.loss,
            best=torch.where(better, z, walk.best),
            best_gradient=torch.where(better, found.gradient, walk.best_gradient),
            best_loss=torch.maximum(found.loss, walk.best_loss),
            rises=walk.rises + (found.loss > walk.loss),
        )

    def judged(self, walk: "Walk", window: int) -> "Walk":
        """Return the walk after a checkpoint: halved where it stopped to pay, and back at its best point."""
        stalled = (walk.best_loss <= walk.best_then) & ~walk.reduced
        reduced = (walk.rises <= self.rho * window) | stalled
        back = per_example(reduced, walk.z)
        return walk._replace(
            z=torch.where(back, walk.best, walk.z),
            gradient=torch.where(back, walk.best_gradient, walk.gradient),
            best_then=walk.best_loss,
            length=torch.where(reduced, 0.5 * walk.length, walk.length),
            rises=torch.zeros_like(walk.rises),
            reduced=reduced,
        )


class Walk(NamedTuple):
    """Where each example is, and what it has seen."""

    z: Float[Tensor, "s *z"]
    before: Float[Tensor, "s *z"]
    gradient: Float[Tensor, "s *z"]
    loss: Float[Tensor, "s"]
    best: Float[Tensor, "s *z"]
    best_gradient: Float[Tensor, "s *z"]
    best_loss: Float[Tensor, "s"]
    best_then: Float[Tensor, "s"]
    """The best loss at the last checkpoint."""
    length: Float[Tensor, "s"]
    rises: Float[Tensor, "s"]
    """In how many steps since the last checkpoint the loss rose."""
    reduced: Bool[Tensor, "s"]
    """Whether the last checkpoint halved the step."""


def on_sphere(S: PerturbationSet, z: Float[Tensor, "b *z"]) -> Float[Tensor, "b *z"]:
    """Return the difference of z from the start, stretched to the ball's radius."""
    ball = require_ball(S, "APGD")
    stretch = ball.radius / ball.distance(z).clamp(min=torch.finfo(z.dtype).tiny)
    return (z - ball.start) * per_example(stretch.clamp(max=torch.finfo(z.dtype).max), z)


def checkpoints(steps: int) -> set[int]:
    """Return the steps after which lengths are judged: windows of .22, .19, .16, ... but at least .06 of them all."""
    window, least, shrink = (max(int(share * steps), 1) for share in (0.22, 0.06, 0.03))
    ends, end = set(), window
    while end <= steps:
        ends.add(end)
        window = max(window - shrink, least)
        end += window
    return ends
