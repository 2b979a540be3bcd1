"""Certified training that closes the gap between a relaxation and the network."""

from dataclasses import dataclass, field
from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.bound_training.blended_margins import blended_margins
from hauberk.bound_training.bound_objective import BoundObjective, Robust
from hauberk.bound_training.bounded_pass import BoundedPass, worst_logits
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.regularizer import BoundRegularizer
from hauberk.concepts.schedule import Progress, Schedule
from hauberk.concepts.slopes import Parallel, Slopes
from hauberk.propagation.watched_pass import WatchedPass


@dataclass(frozen=True)
class Tightened(BoundObjective):
    """The loss of the worst logits by one backward pass, plus two measures of the relaxation's error.

    For each wrong class the relaxation has a worst point of the set. The *gap* is the network's margin there minus the
    relaxation's. The *distance* is how far each unstable neuron is there from a value at which its relaxed line touches
    the ReLU, averaged over unstable neurons: 0 for the lower line, the nearer of its two bounds for the upper one. If
    the distance is 0, so is the gap, and the bound is exact. Points and lines count as constants; gradients reach the
    bounds, unless `detach_bounds`, and the network's values.

    Args:
        intermediate: bounds the hidden values: exact rows, projections, intervals.
        loss: the loss of clean and of worst logits.
        clean_weight: the weight of the clean loss; the robust loss gets the rest.
        gap_weight: lambda, the weight of the gap; published values are lost, and it should rise with the radius.
        distance_weight: gamma, the weight of the distance; likewise.
        slopes: the lines of the backward pass: parallel for the polytope, adaptive for CROWN-IBP.
        crown_weight: the weight of the backward pass in the worst logits; intervals get the rest. From 1 to 0 with the
            radius if CROWN-IBP training ends as training by intervals; None: 1 throughout.
        regularizers: penalties on the boxes.
        detach_bounds: whether the distance moves only the network's values, not the bounds that they should reach.

    Raises:
        UnsupportedOpError: the distance of a network with relaxed operators other than ReLUs.

    Source: Zhu et al. 2020, section 4; gap and distance are summed over the wrong classes.
    """

    intermediate: Bounder
    loss: AdversarialLoss
    clean_weight: Schedule
    gap_weight: Schedule
    distance_weight: Schedule
    slopes: Slopes = field(default_factory=Parallel)
    crown_weight: Schedule | None = None
    regularizers: list[BoundRegularizer] = field(default_factory=list)
    detach_bounds: bool = False

    def robust(self, seen: BoundedPass, progress: Progress, noise: Noise) -> Robust:
        boxes = self.intermediate.boxes(seen.graph, seen.S, outward=False, noise=noise)
        backward = WatchedPass(seen.graph, seen.S, boxes, self.slopes, outward=False)
        weight = 1.0 if self.crown_weight is None else self.crown_weight(progress)
        linear = cache(lambda: backward.margins(seen.spec))
        lower = blended_margins(seen, boxes, linear, weight)
        loss = self.loss(worst_logits(lower), torch.zeros_like(seen.y)).mean()
        gap, distance = self.gap_weight(progress), self.distance_weight(progress)
        terms = self.terms(seen, backward, linear(), gap, distance) if gap or distance else {}
        return Robust(loss, (lower > 0).all(1), boxes, terms)

    def terms(
        self, seen: BoundedPass, backward: WatchedPass, linear: Float[Tensor, "b k"], gap: float, distance: float
    ) -> dict[str, Float[Tensor, ""]]:
        """Return gap and distance times their weights, omitting those of weight zero."""
        terms = {}
        values = seen.graph.values(seen.S.decode(backward.worst.flatten(0, 1)))
        if gap:
            margins = torch.einsum("bkc,bkc->bk", seen.spec.rows, values[-1].view(*linear.shape, -1))
            terms["gap"] = gap * (margins + seen.spec.offset - linear).sum(1).mean()
        if distance:
            terms["distance"] = distance * backward.distance(values, detach=self.detach_bounds).sum(1).mean()
        return terms
