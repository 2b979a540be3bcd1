"""The dual network with random projections: bounds for training in time linear in the number of neurons."""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from hauberk.concepts.bounder import Bounds
from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.slopes import Parallel
from hauberk.concepts.specification import LinearSpec
from hauberk.propagation.backward_pass import BackwardPass
from hauberk.propagation.forward_pass import Form, forward_boxes
from hauberk.propagation.memberwise_bounder import MemberwiseBounder
from hauberk.propagation.projections import CAUCHY, GAUSSIAN, Projections, chosen, stream
from hauberk.propagation.unit_bounds import replaced
from hauberk.ranges import Count


@dataclass(frozen=True)
class Projected(MemberwiseBounder):
    """Hidden bounds estimated from random projections, margins by one exact backward row each.

    The spread of a value is an l1 norm, over everything that the input and the relaxations so far may add. Its `rows`
    Cauchy projections travel forward together, so that a step costs about `rows` forward passes per example, however
    many neurons are unstable and however deep the network is; their median estimates the norm with a relative standard
    deviation of about pi / (2 sqrt(rows)). The contribution of an l2 ball is carried separately, in Gaussian
    projections.

    For training: an estimate is not a bound, and verifiers reject it. All examples of a step share one draw.

    Args:
        rows: the number of projections per value.

    Raises:
        InputError: rows < 1.

    Source: Wong, Schmidt, Metzen & Kolter 2018, section 3.2 and algorithm 3, which carries the terms of every layer in
    separate rows; sums of Cauchy variables are Cauchy, so one set of rows is enough.
    """

    rows: Count = 50
    certifies = False  # pyright: ignore[reportAssignmentType]

    def bound(
        self, graph: FrozenGraph, S: CertifiableSet, spec: LinearSpec, *, outward: bool, noise: Noise | None
    ) -> Bounds:
        boxes = self.enclose(graph, S, outward=outward, noise=noise)
        return Bounds(BackwardPass(graph, S, boxes, Parallel(), outward=outward).margins(spec), boxes)

    def enclose(self, graph: FrozenGraph, S: CertifiableSet, *, outward: bool, noise: Noise | None) -> list[Box]:
        carrier = Projections(S, self.rows, stream(S, noise))
        return forward_boxes(graph, S, carrier, estimated, outward=outward)


def estimated(form: Form, interval: Box, loose: Bool[Tensor, "b *z"]) -> Box:
    """Return the interval, tightened by the estimated bounds of the loose elements."""
    owner, neuron = loose.flatten(1).nonzero(as_tuple=True)
    spread = form.center.new_zeros(len(owner))
    if GAUSSIAN in form.blocks:
        rows = form.blocks[GAUSSIAN].shape[1]
        spread = spread + chosen(form.blocks[GAUSSIAN], owner, neuron).norm(dim=1) * rows**-0.5
    if CAUCHY in form.blocks:
        spread = spread + median(chosen(form.blocks[CAUCHY], owner, neuron).abs())
    center = form.center.flatten(1)[owner, neuron]
    return interval.intersect(replaced(interval, owner, neuron, center - spread, center + spread))


def median(values: Float[Tensor, "*n k"]) -> Float[Tensor, "*n"]:
    """Return the median over the last dimension; for an even number, the mean of the two middle values.

    The lower of the two alone, which torch.median returns, would bias the estimate by up to 14 % (k = 10). Gradients
    reach the one or two middle values.
    """
    k = values.shape[-1]
    upper, middle = values.detach().kthvalue(k // 2 + 1, -1)
    if k % 2:
        return values.gather(-1, middle.unsqueeze(-1)).squeeze(-1)
    below = values.detach() < upper.unsqueeze(-1)
    before = values.detach().masked_fill(~below, -torch.inf).argmax(-1)
    before = torch.where(below.sum(-1) < k // 2, middle, before)  # the two are equal
    return values.gather(-1, torch.stack([before, middle], -1)).mean(-1)
