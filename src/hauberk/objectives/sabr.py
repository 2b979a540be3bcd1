"""Training by bounds over small boxes around attacks."""

from dataclasses import dataclass, field

import torch

from hauberk.bound_training.bound_objective import BoundObjective, Robust
from hauberk.bound_training.bounded_pass import BoundedPass, worst_logits
from hauberk.concepts.attack import Attack
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.regularizer import BoundRegularizer
from hauberk.concepts.schedule import Progress, Schedule
from hauberk.ranges import Share
from hauberk.sets.small_box import small_box


@dataclass(frozen=True)
class SABR(BoundObjective):
    """The loss of the worst logits over a box around an attack's answer, as wide as `share` of the threat's box.

    With share 1 it trains by the bound itself, with 0 at the attack's answers. Its bounds prove nothing about the
    threat's set; an example counted as robust is proven only for the small box.

    Args:
        bounder: gives the bound; published: intervals.
        attack: attacks the network as fixed by the pass of the clean examples.
        share: the width of the small box divided by that of the threat's. Published: 0.1 and 0.9 (CIFAR-10 at 2/255 and
            8/255), 0.4 and 0.9 (MNIST at 0.1 and 0.3).
        loss: the loss of clean and of worst logits.
        clean_weight: the weight of the clean loss; the robust loss gets the rest.
        regularizers: penalties on the boxes of the bound.

    Raises:
        InputError: share lies outside [0, 1].

    Source: Mueller et al. 2023.
    """

    bounder: Bounder
    attack: Attack
    share: Share
    loss: AdversarialLoss
    clean_weight: Schedule
    regularizers: list[BoundRegularizer] = field(default_factory=list)
    measure = "in small boxes"

    def robust(self, seen: BoundedPass, progress: Progress, noise: Noise) -> Robust:
        z = self.attack(seen.graph, seen.S, seen.y, noise=noise.fold(0))
        S = small_box(seen.S, z, self.share)
        bounds = self.bounder(seen.graph, S, seen.spec, outward=False, noise=noise.fold(1))
        loss = self.loss(worst_logits(bounds.lower), torch.zeros_like(seen.y)).mean()
        return Robust(loss, (bounds.lower > 0).all(1), bounds.boxes)
