"""Certified training by two bounds, with weights that change while the radius grows."""

from dataclasses import dataclass, field

import torch

from hauberk.bound_training.blended_margins import blended_margins
from hauberk.bound_training.bound_objective import BoundObjective, Robust
from hauberk.bound_training.bounded_pass import BoundedPass, worst_logits
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.regularizer import BoundRegularizer
from hauberk.concepts.schedule import Progress, Schedule
from hauberk.concepts.slopes import Adaptive, Slopes
from hauberk.propagation.backward_pass import BackwardPass


@dataclass(frozen=True)
class CROWNIBP(BoundObjective):
    """The loss of the worst logits by margins beta * CROWN + (1 - beta) * intervals, both over the same boxes.

    `FusedCertified` is the same with beta = 1 and one row per example.

    Args:
        intermediate: bounds the hidden values; published: intervals.
        loss: the loss of clean and of worst logits.
        clean_weight: the weight of the clean loss; the robust loss gets the rest. Published: 1 to 0, or to 0.5, with
            the radius.
        crown_weight: beta. Published: 1 to 0 with the radius (`schedules.WithRadius(1, 0)`).
        slopes: the lines of the backward pass.
        regularizers: penalties on the boxes.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from hauberk.bounds import Interval
        >>> from hauberk.capture import capture
        >>> from hauberk.concepts.noise import Noise
        >>> from hauberk.concepts.schedule import Progress
        >>> from hauberk.losses import CrossEntropy
        >>> from hauberk.objectives import CROWNIBP
        >>> from hauberk.schedules import Constant, WithRadius
        >>> from hauberk.threats import LinfBall
        >>> network = nn.Sequential(nn.Linear(2, 2, bias=False))
        >>> network[0].weight.data = torch.eye(2)
        >>> x, y = torch.tensor([[0.6, 0.3], [0.5, 0.4]]), torch.tensor([0, 0])
        >>> progress, noise = Progress(step=0, steps=1, steps_per_epoch=1), Noise.of(0, torch.arange(2))
        >>> objective = CROWNIBP(Interval(), CrossEntropy(), clean_weight=Constant(0.0), crown_weight=WithRadius(1, 0))
        >>> value = objective(capture(network, x), x, y, LinfBall(0.1), progress=progress, noise=noise)
        >>> round(value.loss.item(), 3), value.robust.tolist()
        (0.694, [True, False])

    Source: Zhang et al. 2020.
    """

    intermediate: Bounder
    loss: AdversarialLoss
    clean_weight: Schedule
    crown_weight: Schedule
    slopes: Slopes = field(default_factory=Adaptive)
    regularizers: list[BoundRegularizer] = field(default_factory=list)

    def robust(self, seen: BoundedPass, progress: Progress, noise: Noise) -> Robust:
        boxes = self.intermediate.boxes(seen.graph, seen.S, outward=False, noise=noise)
        linear = BackwardPass(seen.graph, seen.S, boxes, self.slopes, outward=False)
        lower = blended_margins(seen, boxes, lambda: linear.margins(seen.spec), self.crown_weight(progress))
        loss = self.loss(worst_logits(lower), torch.zeros_like(seen.y)).mean()
        return Robust(loss, (lower > 0).all(1), boxes)
