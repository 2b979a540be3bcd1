"""Adversarial training with several attacks at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from hauberk.concepts.attack import Attack
from hauberk.concepts.graph import Graph
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.objective import Objective, ObjectiveValue
from hauberk.concepts.perturbation_set import ThreatModel
from hauberk.concepts.schedule import Progress
from hauberk.errors import InputError


@dataclass(frozen=True)
class AdversarialSum(Objective):
    """The sum of the losses at the answers of several attacks, which all see the same network.

    The network judges all answers in one pass, so batch norm normalises by them together. For the same expected
    gradient, up to a factor, at the cost of one attack, use `Adversarial` with the attack `RandomOf`.

    Args:
        attacks: find the points; PGD should have `stop_when_broken=False`.
        loss: the loss to minimise there.

    Raises:
        InputError: there are no attacks.

    Source: Tramer & Boneh 2019 ("avg"); Wong 2020, eq. 5.32.
    """

    attacks: Sequence[Attack]
    loss: AdversarialLoss
    measure = "attacked"

    def __post_init__(self) -> None:
        if not self.attacks:
            raise InputError("AdversarialSum needs at least one attack, but has none.")

    def __call__(
        self,
        network: nn.Module | Graph,
        x: Float[Tensor, "b *x"],
        y: Int[Tensor, "b"],
        threat: ThreatModel,
        *,
        progress: Progress,
        noise: Noise,
    ) -> ObjectiveValue:
        S, count = threat.at(x), len(self.attacks)
        points = [S.decode(attack(network.__call__, S, y, noise=noise)).detach() for attack in self.attacks]
        logits, labels = network(torch.cat(points)), y.repeat(count)
        loss = self.loss(logits, labels).view(count, -1).sum(0).mean()
        return ObjectiveValue(loss, None, (logits.argmax(1) == labels).view(count, -1).all(0))
