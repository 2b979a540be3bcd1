"""Attacks made of searches for the nearest misclassified point."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Attack, MinimumDistanceAttack, Network
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example


@dataclass(frozen=True)
class Within(Attack):
    """The points that a minimum-distance attack finds; if the set does not contain one, the member nearest to it.

    Args:
        attack: the search for the nearest misclassified points.
    """

    attack: MinimumDistanceAttack

    @property
    def black_box(self) -> bool:
        return self.attack.black_box

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        z = self.attack(network, S, y, noise=noise, enough=True)
        return torch.where(per_example(S.contains(z), z), z, S.project(z))
