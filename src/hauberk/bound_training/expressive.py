"""Expressive losses: between an attack's loss and a bound's."""

from abc import abstractmethod
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.bound_training.bound_objective import BoundObjective, Robust
from hauberk.bound_training.bounded_pass import BoundedPass, worst_logits
from hauberk.concepts.attack import Attack
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.regularizer import BoundRegularizer
from hauberk.concepts.schedule import Progress, Schedule
from hauberk.ranges import Positive


@dataclass(frozen=True)
class ExpressiveObjective(BoundObjective):
    """A blend of an attack's loss, which it equals for `bound_weight` 0, with the bound's, for 1.

    Args:
        bounder: the bound method, for instance intervals.
        attack: the attack, run on the network as the clean examples' pass fixed it.
        bound_weight: the weight of the bound's loss, in [0, 1].
        loss: the loss of the clean, the attacked and the worst logits.
        clean_weight: the weight of the clean loss, in [0, 1]; the robust one has the rest.
        attack_scale: the attack's radius as a multiple of the bound's.
        regularizers: penalties computed from the boxes of the bound; none by default.

    Raises:
        InputError: attack_scale is not positive and finite.
    """

    bounder: Bounder
    attack: Attack
    bound_weight: Schedule
    loss: AdversarialLoss
    clean_weight: Schedule
    attack_scale: Positive = 1.0
    regularizers: list[BoundRegularizer] = field(default_factory=list)

    def robust(self, seen: BoundedPass, progress: Progress, noise: Noise) -> Robust:
        bounds = self.bounder(seen.graph, seen.S, seen.spec, outward=False, noise=noise.fold(0))
        S = seen.S if self.attack_scale == 1 else seen.threat.scaled(self.attack_scale).at(seen.x)
        z = self.attack(seen.graph, S, seen.y, noise=noise.fold(1))
        attacked = seen.spec.value(seen.graph(S.decode(z).detach()))
        first = torch.zeros_like(seen.y)
        losses = self.blend(worst_logits(attacked), worst_logits(bounds.lower), first, self.bound_weight(progress))
        return Robust(losses.mean(), (bounds.lower > 0).all(1), bounds.boxes)

    @abstractmethod
    def blend(
        self,
        attacked: Float[Tensor, "b classes"],
        bounded: Float[Tensor, "b classes"],
        y: Int[Tensor, "b"],
        weight: float,
    ) -> Float[Tensor, "b"]:
        """Return each example's loss, given the attack's and the bound's logits minus those of the labels."""
