"""The worst of several attacks' answers."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.attack import Attack, Network
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import PerturbationSet
from hauberk.concepts.radius import per_example
from hauberk.concepts.subject import labels_of
from hauberk.errors import InputError


@dataclass(frozen=True)
class WorstOf(Attack):
    """The worst of all attacks' answers for each example: a misclassified one if there is any, of the largest loss.

    For training, where each batch needs its worst points; for evaluation, `Strongest` saves time.

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
    def black_box(self) -> bool:
        return all(attack.black_box for attack in self.attacks)

    @property
    def steady(self) -> bool:
        return all(attack.steady for attack in self.attacks)

    def __call__(
        self, network: Network, S: PerturbationSet, y: Int[Tensor, "b"], *, noise: Noise
    ) -> Float[Tensor, "b *z"]:
        answer, worst, wrong = S.start, None, torch.zeros_like(y, dtype=torch.bool)
        for number, attack in enumerate(self.attacks):
            z = attack(network, S, y, noise=noise.fold(number))
            with torch.no_grad():
                logits = network(S.decode(z))
                loss, broken = self.loss(logits, y), labels_of(logits) != y
            if worst is None:
                answer, worst, wrong = z, loss, broken
                continue
            better = (broken & ~wrong) | ((broken == wrong) & (loss > worst))
            answer, wrong = torch.where(per_example(better, z), z, answer), wrong | broken
            worst = torch.where(better, loss, worst)
        return answer
