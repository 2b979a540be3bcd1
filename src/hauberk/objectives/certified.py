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
        bounder: gives the bound: the exact polytope (`DualNetwork` with `intersect` chosen: by default it costs both
            ways), its projections, intervals, CROWN.
        loss: the loss of clean and of worst logits.
        clean_weight: the weight of the clean loss, over training; the robust loss gets the rest.
        regularizers: penalties on the boxes of the bound.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.bounds import Interval
        >>> from hauberk.capture import capture
        >>> from hauberk.concepts.noise import Noise
        >>> from hauberk.concepts.schedule import Progress
        >>> from hauberk.losses import CrossEntropy
        >>> from hauberk.objectives import Certified
        >>> from hauberk.schedules import Constant
        >>> from hauberk.threats import LinfBall
        >>> network = nn.Sequential(nn.Linear(2, 2, bias=False))
        >>> network[0].weight.data = torch.eye(2)
        >>> x, y = torch.tensor([[0.6, 0.3], [0.5, 0.4]]), torch.tensor([0, 0])
        >>> progress, noise = Progress(step=0, steps=1, steps_per_epoch=1), Noise.of(0, torch.arange(2))
        >>> objective = Certified(Interval(), CrossEntropy(), clean_weight=Constant(0.0))
        >>> value = objective(capture(network, x), x, y, LinfBall(0.1), progress=progress, noise=noise)
        >>> round(value.loss.item(), 3), value.robust.tolist()
        (0.694, [True, False])

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
