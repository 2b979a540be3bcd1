"""One run for each of the most likely wrong classes."""

from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Attack, Network, SteerableAttack
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.ranges import Count
from hauberk.searches.combination import in_turn


@dataclass(frozen=True)
class Targeted(Attack):
    """An attack steered towards the wrong classes in turn, starting with the most likely at the unperturbed point.

    Any wrong answer is a success, whatever the target of the run; a broken example leaves.

    Args:
        attack: the attack to steer.
        classes: the number of wrong classes to try, or all if there are fewer.

    Raises:
        InputError: classes is not positive.

    Source: Croce & Hein 2020 (targeted APGD).
    """

    attack: SteerableAttack
    classes: Count = 9

    @property
    def black_box(self) -> bool:
        return self.attack.black_box

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        with torch.no_grad():
            logits = network(S.decode(S.start))
        ranked = logits.scatter(1, y[:, None], -torch.inf).argsort(dim=1, descending=True, stable=True)
        targets = ranked[:, : min(self.classes, logits.shape[1] - 1)]

        def attempt(rank: int, remaining: PerturbationSet, left: Int[Tensor, "s"]) -> Float[Tensor, "s *z"]:
            return self.attack.steered(
                network, remaining, y[left], targets[left, rank], noise=noise.select(left).fold(rank)
            )

        attempts = {f"target {rank + 1}": partial(attempt, rank) for rank in range(targets.shape[1])}
        return in_turn(attempts, network, S, y)
