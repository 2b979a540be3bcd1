"""Certified training with one backward row per example: loss fusion."""

from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.bound_training.bound_objective import BoundObjective, Robust
from hauberk.bound_training.bounded_pass import BoundedPass
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.regularizer import BoundRegularizer
from hauberk.concepts.rows import Rows
from hauberk.concepts.schedule import Progress, Schedule
from hauberk.concepts.slopes import Adaptive, Slopes
from hauberk.propagation.backward_pass import BackwardPass


@dataclass(frozen=True)
class FusedCertified(BoundObjective):
    """The worst cross-entropy over the set, bounded by one row per example instead of one for every other class.

    With margins m_j known to lie in [a_j, b_j], each exp(-m_j) lies below its chord there; the sum of the chords is
    linear in the logits, and one backward row bounds it: worst loss <= log(1 + sum of chords). Hidden boxes and the
    range of the margins come from `intermediate` and its boxes; "robust" counts the examples that these prove.

    Args:
        intermediate: bounds the hidden values.
        loss: the loss of clean logits; the robust loss is the cross-entropy.
        clean_weight: the weight of the clean loss; the robust loss gets the rest.
        slopes: the lines of the backward pass.
        regularizers: penalties on the boxes.

    Source: Xu et al. 2020, section 3.4.
    """

    intermediate: Bounder
    loss: AdversarialLoss
    clean_weight: Schedule
    slopes: Slopes = field(default_factory=Adaptive)
    regularizers: list[BoundRegularizer] = field(default_factory=list)

    def robust(self, seen: BoundedPass, progress: Progress, noise: Noise) -> Robust:
        graph, S, rows = seen.graph, seen.S, seen.spec.rows
        boxes = self.intermediate.boxes(graph, S, outward=False, noise=noise)
        at = len(graph.nodes)
        ends = BackwardPass(graph, S, boxes, None, outward=False).range(Rows.uniform(rows), at)
        lower, upper = (end.view(rows.shape[:2]) for end in ends)
        shift = (-lower.detach().amin(1)).clamp(min=0)  # exp(-m) overflows where margins are far below zero
        slope, intercept = chords(lower, upper, shift[:, None])
        row = torch.einsum("bk,bkc->bc", -slope, rows)
        backward = BackwardPass(graph, S, boxes, self.slopes, outward=False)
        chord_sum = intercept.sum(1) - backward.lower(Rows.uniform(row.unsqueeze(1)), at)
        one, tiny = torch.exp(-shift), torch.finfo(shift.dtype).tiny
        worst = shift + torch.log(torch.maximum(one + chord_sum, 1e-5 * one + tiny))
        return Robust(worst.mean(), (lower > 0).all(1), boxes)


def chords(
    lower: Float[Tensor, "b k"], upper: Float[Tensor, "b k"], shift: Float[Tensor, "b 1"]
) -> tuple[Float[Tensor, "b k"], Float[Tensor, "b k"]]:
    """Return slope and intercept of the chord of exp(-m - shift) over [lower, upper], the tangent if both ends meet."""
    width = upper - lower
    wide = width > 1e-6
    slope = torch.where(wide, torch.expm1(-width) / torch.where(wide, width, 1), -1) * torch.exp(-lower - shift)
    return slope, torch.exp(-lower - shift) - slope * lower
