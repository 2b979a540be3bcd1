"""Certified training that closes the gap between a relaxation and the network."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.backward_pass import BackwardPass
from hauberk.concepts.blended_margins import blended_margins
from hauberk.concepts.bound_objective import BoundObjective, Robust
from hauberk.concepts.bounded_pass import BoundedPass, worst_logits
from hauberk.concepts.bounder import Bounder
from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.loss import AdversarialLoss
from hauberk.concepts.noise import Noise
from hauberk.concepts.op import Relaxable
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.pieces import Pieces
from hauberk.concepts.regularizer import BoundRegularizer
from hauberk.concepts.rows import Rows
from hauberk.concepts.schedule import Progress, Schedule
from hauberk.concepts.slopes import Parallel, Slopes
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import UnsupportedOpError
from hauberk.kernels.touching import distances

RELU = Pieces(knots=(0.0,), slopes=(0.0, 1.0))


@dataclass(frozen=True)
class Tightened(BoundObjective):
    """The loss of the worst logits by one backward pass, and two measures of how far off the relaxation is.

    For each wrong class the relaxation has a worst point of the set. The *gap* is the network's margin there less the
    relaxation's. The *distance* is how far each unstable neuron is there from a value at which its relaxed line touches
    the ReLU, on average over unstable neurons: 0 for the lower line, the nearer of its two bounds for the upper one.
    Where the distance is 0, so is the gap, and the bound is exact. Points and lines count as constants; gradients reach
    the bounds, unless `detach_bounds`, and the network's values.

    Args:
        intermediate: the bounds of hidden values: exact rows, projections, intervals.
        loss: of clean and of worst logits.
        clean_weight: of the clean loss; the robust one has the rest.
        gap_weight: lambda; published values are lost, and it should rise with the radius.
        distance_weight: gamma, likewise.
        slopes: of the backward pass: parallel for the polytope, adaptive for CROWN-IBP.
        crown_weight: of the backward pass in the worst logits; intervals have the rest. From 1 to 0 with the radius
            where CROWN-IBP training ends as training by intervals; None: 1 throughout.
        regularizers: read off the boxes.
        detach_bounds: whether the distance moves the network's values alone, not the bounds they should reach.

    Raises:
        UnsupportedOpError: the distance of a network with other relaxed operators than ReLUs.

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
        lower = blended_margins(seen, boxes, lambda: backward.margins(seen.spec), weight)
        loss = self.loss(worst_logits(lower), torch.zeros_like(seen.y)).mean()
        return Robust(loss, (lower > 0).all(1), boxes, self.terms(seen, backward, progress))

    def terms(self, seen: BoundedPass, backward: "WatchedPass", progress: Progress) -> dict[str, Float[Tensor, ""]]:
        """Return the weighted gap and distance, where their weights are not zero."""
        terms, gap, distance = {}, self.gap_weight(progress), self.distance_weight(progress)
        if not (gap or distance):
            return terms
        linear = backward.margins(seen.spec)
        values = seen.graph.values(seen.S.decode(backward.worst.flatten(0, 1)))
        if gap:
            margins = torch.einsum("bkc,bkc->bk", seen.spec.rows, values[-1].view(*linear.shape, -1))
            terms["gap"] = gap * (margins + seen.spec.offset - linear).sum(1).mean()
        if distance:
            terms["distance"] = distance * backward.distance(values, detach=self.detach_bounds).sum(1).mean()
        return terms


class WatchedPass(BackwardPass):
    """A backward pass that remembers which lines its rows took, and where in the set each has its worst point."""

    worst: Float[Tensor, "b k *x"]

    def __init__(
        self, graph: FrozenGraph, S: CertifiableSet, boxes: Sequence[Box], slopes: Slopes | None, *, outward: bool
    ) -> None:
        super().__init__(graph, S, boxes, slopes, outward=outward)
        self.found: Tensor | None = None
        self.upper: dict[int, Tensor] = {}
        """Where the rows of a relaxed value took the upper line."""

    def margins(self, spec: LinearSpec) -> Float[Tensor, "b k"]:
        if self.found is None:
            self.found = super().margins(spec)
        return self.found

    def relaxed(self, index: int, rows: Rows) -> tuple[Rows, Float[Tensor, "r 2"]]:
        self.upper[index] = rows.dense().values.detach() < 0
        return super().relaxed(index, rows)

    def support(self, rows: Rows) -> Float[Tensor, "r 2"]:
        dense = rows.dense().values.detach()
        self.worst = least_points(self.S, dense.unflatten(0, (len(self.boxes[0].lower), -1)))
        return super().support(rows)

    def distance(self, values: list[Tensor], *, detach: bool) -> Float[Tensor, "b k"]:
        """Return, for each row, the mean distance of unstable neurons from where their lines touch the ReLU."""
        shape = self.worst.shape[:2]
        total, count = self.worst.new_zeros(shape), self.worst.new_zeros(len(self.worst), 1)
        for index, upper in self.upper.items():
            node = self.graph.nodes[index - 1]
            if not isinstance(node.op, Relaxable) or node.op.pieces != RELU:
                raise UnsupportedOpError(
                    f"the distance is defined for ReLUs, but {node.name} is a {type(node.op).__name__}; use the gap."
                )
            box, x = self.boxes[node.inputs[0]], values[node.inputs[0]]
            ends = [(end.detach() if detach else end).flatten(1) for end in (box.lower, box.upper)]
            total = total + distances(*(t.flatten(1).unflatten(0, shape) for t in (x, upper)), *ends)
            count = count + box.unstable.flatten(1).sum(1, keepdim=True)
        return total / count.clamp(min=1)


def least_points(S: CertifiableSet, c: Float[Tensor, "b k *x"]) -> Float[Tensor, "b k *x"]:
    """Return the point of each set with the least <c, z>: the support function's gradient, for every kind of set."""
    with torch.enable_grad():
        direction = (-c).requires_grad_()
        return torch.autograd.grad(S.support_function(direction).sum(), direction)[0]
