"""Certified training with any bound."""

from dataclasses import dataclass, field

import torch

from hauberk.bound_training.bound_objective import BoundObjective, Robust
from hauberk.bound_training.bounded_pass import BoundedPass, worst_logits
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.regularizer import BoundRegularizer
from hauberk.concepts.schedule import Progress, Schedule


@dataclass(frozen=True)
class Certified(BoundObjective):
    """The loss of the worst logits that the bound allows.

    Args:
        bounder: the exact polytope, its projections, intervals, CROWN.
        loss: of clean and of worst logits.
        clean_weight: of the clean loss; the robust one has the rest.
        regularizers: read off the boxes of the bound.

    Sources: Wong & Kolter 2018, theorem 2; with intervals: Gowal et al. 2018.
    """

    bounder: Bounder
    loss: AdversarialLoss
    clean_weight: Schedule
    regularizers: list[BoundRegularizer] = field(default_factory=list)

    def robust(self, seen: BoundedPass, progress: Progress, noise: Noise) -> Robust:
        bounds = self.bounder(seen.graph, seen.S, seen.spec, outward=False, noise=noise)
        loss = self.loss(worst_logits(bounds.lower), torch.zeros_like(seen.y)).mean()
        return Robust(loss, (bounds.lower > 0).all(1), bounds.boxes)
