"""Projected gradient descent, for any set."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Attack, Network, ascent_direction
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet


@dataclass(frozen=True)
class PGD(Attack):
    """Projected steepest ascent from a random member.

    Args:
        loss: what it ascends.
        steps: how many forward-backward passes.
        step: the length of a step as a share of the set's radius.
        stop_when_broken: answer with a misclassified point where one was met, as evaluation wants; False answers with
            the last point, however it fares, as adversarial training wants.

    Sources: Madry et al. 2018; steepest step: Wong 2020, eq. 2.6.
    """

    loss: AdversarialLoss
    steps: int = 40
    step: float = 0.05
    stop_when_broken: bool = True

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        z = S.sample(noise)
        broken = torch.zeros_like(y, dtype=torch.bool)
        for _ in range(self.steps):
            gradient, logits = ascent_direction(self.loss, network, S, z, y)
            ahead = S.project(S.steepest_step(z, gradient, self.step * S.radius))
            if self.stop_when_broken:
                broken = broken | (logits.argmax(1) != y)
                ahead = torch.where(broken.view(-1, *(1,) * (z.ndim - 1)), z, ahead)
            z = ahead
        return z
