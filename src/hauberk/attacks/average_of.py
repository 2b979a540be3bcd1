"""A random one of several attacks for each example."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Attack, Network
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.errors import InputError


@dataclass(frozen=True)
class AverageOf(Attack):
    """A random one of several attacks for each example, so that the loss averages over the attacks.

    For training: in expectation, the gradient is that of the mean loss over all attacks' answers, at the cost of one
    attack.

    Args:
        attacks: the attacks to draw from, all equally likely.

    Raises:
        InputError: there are no attacks.

    Source: Tramer & Boneh 2019 ("avg"), whose batches contain the answers of all attacks.
    """

    attacks: Sequence[Attack]

    def __post_init__(self) -> None:
        if not self.attacks:
            raise InputError("AverageOf needs at least one attack, but has none.")

    @property
    def black_box(self) -> bool:
        return all(attack.black_box for attack in self.attacks)

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        share = noise.fold(0).uniform((1,))[:, 0]
        number = (share * len(self.attacks)).long().clamp(max=len(self.attacks) - 1)
        answer = S.start.clone()
        for i, attack in enumerate(self.attacks):
            mine = (number == i).nonzero()[:, 0]
            if len(mine):
                own = noise.select(mine).fold(i + 1)
                answer[mine] = attack(network, S.select(mine), y[mine], noise=own)
        return answer
