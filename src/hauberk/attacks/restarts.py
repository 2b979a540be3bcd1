"""Random restarts."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Attack, Network
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet


@dataclass(frozen=True)
class Restarts(Attack):
    """Runs an attack several times with fresh noise; a broken example stays broken and leaves the batch.

    A success is never traded for a larger loss: a correctly classified point may well have the larger one.
    """

    attack: Attack
    times: int = 3

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        answer = S.start.clone()
        left = torch.arange(len(y), device=y.device)
        for restart in range(self.times):
            remaining = S.select(left)
            z = self.attack(network, remaining, y[left], noise=noise.select(left).fold(restart))
            answer[left] = z
            with torch.no_grad():
                left = left[network(remaining.decode(z)).argmax(1) == y[left]]
            if not len(left):
                break
        return answer
