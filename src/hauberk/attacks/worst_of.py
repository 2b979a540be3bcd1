"""The worst of several attacks' answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Attack, Network
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example
from hauberk.concepts.subject import errs
from hauberk.errors import InputError
from hauberk.searches.combination import Parts


@dataclass(frozen=True)
class WorstOf(Attack):
    """The worst of all attacks' answers for each example: a misclassified one if there is any, of the largest loss.

    For training, where each batch needs its worst points; for evaluation, `Strongest` saves time. Every attack gets the
    noise that it would get alone. Attacks that do not apply are left out, with a warning.

    Args:
        attacks: the attacks, all run on every example.
        loss: the loss by which their answers are compared.

    Raises:
        InputError: there are no attacks.

    Source: Tramer & Boneh 2019 ("max"); Wong 2020, section 5.3.
    """

    attacks: Sequence[Attack]
    loss: AdversarialLoss

    def __post_init__(self) -> None:
        if not self.attacks:
            raise InputError("WorstOf needs at least one attack, but has none.")

    @property
    def outdone(self) -> tuple[Attack, ...]:
        return tuple(self.attacks)

    @property
    def black_box(self) -> bool:
        return all(attack.black_box for attack in self.attacks)

    @property
    def steady(self) -> bool:
        return all(attack.steady for attack in self.attacks)

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        answer, worst, wrong = S.start, torch.full_like(S.radius, -inf), torch.zeros_like(y, dtype=torch.bool)
        parts = Parts()
        for number, attack in enumerate(self.attacks, start=1):
            with parts.trying(f"{type(attack).__name__}, attack {number},"):
                z = attack(network, S, y, noise=noise)
                with torch.no_grad():
                    logits = network(S.decode(z))
                    loss, broken = self.loss(logits, y), errs(logits, y)
                better = (broken & ~wrong) | ((broken == wrong) & ~(loss <= worst))
                answer, wrong = torch.where(per_example(better, z), z, answer), wrong | broken
                worst = torch.where(better, loss, worst)
        parts.settle()
        return answer
