"""A random one of several attacks for each example."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Attack, Network
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.errors import InputError

CHOICE = 1 << 40
"""The stream of the choice, which none of the attacks draws from."""


@dataclass(frozen=True)
class RandomOf(Attack):
    """A random one of several attacks for each example.

    For training: in expectation, the gradient is that of the mean loss over all attacks' answers, at the cost of one
    attack. `objectives.AdversarialSum` takes all of them.

    Args:
        attacks: the attacks to draw from, all equally likely.

    Raises:
        InputError: there are no attacks.

    Source: after Tramer & Boneh 2019 ("avg"), whose batches contain the answers of all attacks.
    """

    attacks: Sequence[Attack]

    def __post_init__(self) -> None:
        if not self.attacks:
            raise InputError("RandomOf needs at least one attack, but has none.")

    @property
    def black_box(self) -> bool:
        return all(attack.black_box for attack in self.attacks)

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        share = noise.fold(CHOICE).uniform((1,))[:, 0]
        number = (share * len(self.attacks)).long().clamp(max=len(self.attacks) - 1)
        answer = S.start.clone()
        for i, attack in enumerate(self.attacks):
            mine = (number == i).nonzero()[:, 0]
            if len(mine):
                answer[mine] = attack(network, S.select(mine), y[mine], noise=noise.select(mine))
        return answer
