"""Random restarts."""

from dataclasses import dataclass
from functools import partial

from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Attack, Network, require_positive
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.searches.search import in_turn


@dataclass(frozen=True)
class Restarts(Attack):
    """Runs an attack several times with fresh noise; a broken example stays broken and leaves the batch."""

    attack: Attack
    times: int = 3

    def __post_init__(self) -> None:
        require_positive("Restarts", times=self.times)

    @property
    def black_box(self) -> bool:
        return self.attack.black_box

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        def attempt(number: int, remaining: PerturbationSet, left: Int[Tensor, "s"]) -> Float[Tensor, "s *z"]:
            return self.attack(network, remaining, y[left], noise=noise.select(left).fold(number))

        return in_turn([partial(attempt, number) for number in range(self.times)], network, S, y)
