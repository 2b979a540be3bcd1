"""Random restarts."""

from dataclasses import dataclass
from functools import partial

from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Attack, Network
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.ranges import Count
from hauberk.searches.combination import in_turn


@dataclass(frozen=True)
class Restarts(Attack):
    """Several runs of an attack with fresh noise; a broken example stays broken and leaves the batch.

    The first run is the attack as it would be alone.

    Args:
        attack: the attack to run.
        times: the number of runs.

    Raises:
        InputError: times is not positive.

    Example:
        >>> import torch
        >>> from hauberk.attacks import PGD, Restarts
        >>> from hauberk.concepts.noise import Noise
        >>> from hauberk.losses import CrossEntropy
        >>> from hauberk.threats import LinfBall
        >>> def network(x):  # class 0 where the pixels sum to more than 0.5
        ...     return torch.stack([x.sum(1), 1 - x.sum(1)], 1)
        >>> S, y = LinfBall(0.1).at(torch.tensor([[0.3, 0.3], [0.9, 0.9]])), torch.tensor([0, 0])
        >>> attack = Restarts(PGD(CrossEntropy(), steps=10, step=0.5), times=2)
        >>> z = attack(network, S, y, noise=Noise.of(0, torch.arange(2)))
        >>> network(z).argmax(1) != y
        tensor([ True, False])
    """

    attack: Attack
    times: Count = 3

    @property
    def outdone(self) -> tuple[Attack, ...]:
        return (self.attack,)

    @property
    def black_box(self) -> bool:
        return self.attack.black_box

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        def attempt(number: int, remaining: PerturbationSet, left: Int[Tensor, "s"]) -> Float[Tensor, "s *z"]:
            own = noise.select(left)
            return self.attack(network, remaining, y[left], noise=own.fold(number) if number else own)

        return in_turn({f"run {number + 1}": partial(attempt, number) for number in range(self.times)}, network, S, y)
