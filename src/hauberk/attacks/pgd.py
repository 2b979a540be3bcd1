"""Projected gradient descent, for any set."""

from dataclasses import dataclass, field
from math import inf

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Network, SteerableAttack, ascent, require_positive
from hauberk.concepts.cases import Cases
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example
from hauberk.concepts.subject import labels_of
from hauberk.searches.search import Search
from hauberk.searches.start import RandomMember, Start


@dataclass(frozen=True)
class PGD(SteerableAttack):
    """Projected steepest ascent.

    Args:
        loss: what it ascends.
        steps: how many forward-backward passes.
        step: the length of a step as a share of the set's radius.
        stop_when_broken: answer with a misclassified point where one was met, else with that of largest loss, as
            evaluation wants; False answers with the last point, however it fares, as adversarial training wants.
        momentum: the share of the directions so far that a new one is added to, each divided by its l_1 norm; 0 goes
            along the gradient alone.
        samples: how many passes of a network that draws random numbers a step averages over.
        start: where it begins.

    Sources: Madry et al. 2018; steepest step: Wong 2020, eq. 2.6; momentum: Dong et al. 2018.
    """

    loss: AdversarialLoss
    steps: int = 40
    step: float = 0.05
    stop_when_broken: bool = True
    momentum: float = 0.0
    samples: int = 1
    start: Start = field(default_factory=RandomMember)

    @staticmethod
    def cases() -> Cases:
        return {"momentum": [0.0, 1.0], "samples": [1, 2]}

    def __post_init__(self) -> None:
        require_positive("PGD", step=self.step, samples=self.samples)

    @property
    def steady(self) -> bool:
        return not self.stop_when_broken

    def steered(
        self,
        network: Network,
        S: PerturbationSet,
        y: Int[Tensor, "b"],
        target: Int[Tensor, "b"] | None,
        *,
        noise: Noise,
    ) -> Float[Tensor, "b *z"]:
        search, z = Search(S, y, target, noise), self.start(S, noise.fold(0))
        direction, best, best_loss = torch.zeros_like(z), z, torch.full_like(S.radius, -inf)
        for step in range(self.steps):
            found = ascent(self.loss, network, search.S, z, search.y, search.target, self.samples)
            gradient = found.gradient
            if self.momentum:
                size = gradient.flatten(1).abs().sum(1).clamp(min=torch.finfo(z.dtype).tiny)
                gradient = direction = self.momentum * direction + gradient / per_example(size, z)
            if self.stop_when_broken:
                search.meet(found.misses(search.y), z)
                best, best_loss = better(best, best_loss, z, found.loss)
                z, direction, gradient, best, best_loss = search.pack(z, direction, gradient, best, best_loss)
                if not len(search):
                    break
            length = self.step * search.S.radius
            z = search.S.project(search.S.steepest_step(z, gradient, length, search.noise.fold(step + 1)))
        if self.stop_when_broken and len(search):
            with torch.no_grad():
                logits = network(search.S.decode(z))
                loss = self.loss(logits, search.y, search.target)
            search.meet(labels_of(logits) != search.y, z)
            z, _ = better(best, best_loss, z, loss)
        z = search.answers(z)
        self.start.remember(S, z)
        return z


def better(
    best: Float[Tensor, "s *z"], best_loss: Float[Tensor, "s"], z: Float[Tensor, "s *z"], loss: Float[Tensor, "s"]
) -> tuple[Float[Tensor, "s *z"], Float[Tensor, "s"]]:
    """Return, for each example, the point of larger loss, and that loss."""
    return torch.where(per_example(loss > best_loss, z), z, best), torch.maximum(best_loss, loss)
