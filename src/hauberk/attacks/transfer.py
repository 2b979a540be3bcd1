"""Attacks on another network."""

from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.concepts.attack import Attack, Network
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.kernels.modes import eval_mode


@dataclass(frozen=True)
class Transfer(Attack):
    """An attack run against a surrogate, whose points are the answer; the network itself is never called.

    Args:
        attack: the attack to run against the surrogate.
        surrogate: a network with the same inputs and classes; it is in eval mode during the attack.

    Source: Papernot et al. 2016.
    """

    attack: Attack
    surrogate: nn.Module
    black_box = True

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        with eval_mode(self.surrogate):
            return self.attack(self.surrogate, S, y, noise=noise)
