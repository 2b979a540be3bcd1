"""The fast gradient sign method, for any set."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Attack, Network, ascent_direction
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet


@dataclass(frozen=True)
class FGSM(Attack):
    """One steepest step of `step` radii, from the unperturbed point or a random member.

    Sources: Goodfellow et al. 2015; with a random start: Wong et al. 2020.
    """

    loss: AdversarialLoss
    step: float = 1.0
    random_start: bool = False

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        z = S.sample(noise) if self.random_start else S.start
        gradient, _ = ascent_direction(self.loss, network, S, z, y)
        return S.project(S.steepest_step(z, gradient, self.step * S.radius))
