"""The dual network with random projections: bounds that hold with a guaranteed probability."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from hauberk.concepts.bounder import Bounds
from hauberk.concepts.box import Box
from hauberk.concepts.cases import Cases
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.noise import Noise
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.slopes import Parallel
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import InputError
from hauberk.kernels.memory_budget import memory_budget
from hauberk.propagation.backward_pass import BackwardPass
from hauberk.propagation.forward_box import forward_box
from hauberk.propagation.forward_pass import Form, ForwardPass
from hauberk.propagation.memberwise_bounder import MemberwiseBounder
from hauberk.propagation.norm_bounds import l1_bound, l2_bound
from hauberk.propagation.projections import CAUCHY, GAUSSIAN, Projections, chosen, stream
from hauberk.propagation.unit_bounds import replaced
from hauberk.ranges import Count, OpenShare

AT_ONCE = 100  # rows that travel together; each group has its own stream, so no draw depends on memory
ON_HOST = 2**26  # bytes for rows on a CPU
OWN = 1 << 40  # the number of a stream that no training step or restart uses


@dataclass(frozen=True)
class HighProbability(MemberwiseBounder):
    """Hidden bounds from random projections that all hold with probability 1 - `failure`, for each example.

    The spread of a value is an l1 norm. Its bound is the geometric mean of `rows` Cauchy projections, times a factor
    that makes it an upper bound (`norm_bounds`): 1.20 for 2000 rows, 6572 neurons and failure 0.01. The contribution of
    an l2 ball is bounded by the chi-square tail of Gaussian projections. Margins need no estimates: one exact backward
    row each.

    Why the guarantee holds. Let L values be estimated; the graph and the kind of set determine which. Each gets freshly
    drawn projections, which travel from the input through relaxations that are already fixed. Condition on the draws
    for the values before it: the n neurons that intervals leave loose, and the norms of their generators, are then
    fixed and independent of the new draws; so each norm exceeds its estimate with probability at most failure / (L n),
    whatever the past, and any of them with at most failure / L. Over all L values that makes `failure`. (For an l2 ball
    a spread is the sum of two norms, which share this budget.) If no estimate falls short, every box holds, by
    induction, and with the boxes the margins. (Projections reused for later values would depend on the relaxations that
    they have shaped.)

    Examples share draws: the expected share of wrong certificates is at most `failure`, but they may be wrong together.
    Network and inputs must not have been chosen with knowledge of the draws, that is, of `noise`; no training step
    draws the same ones. The members of a union share `failure`, each with the same draws.

    Costs `rows` forward passes per example for each of the L values. Worthwhile if an example has far more unstable
    neurons than rows; a small robust network has fewer, and `BackwardLinear` then bounds it exactly for less.

    Args:
        rows: the number of projections per value.
        failure: the probability, per example, that any bound is wrong; in (0, 1).
        budget: the approximate number of bytes that rows may take at once; it sets how many examples are bounded
            together. None: an eighth of a CUDA device's free memory; 64 MiB on other devices.

    Raises:
        InputError: rows < 1, or failure is not in (0, 1).

    Source: Wong 2020 (thesis), section 3.4.6, with fresh projections for each layer and one set of rows for all terms.
    """

    rows: Count = 2000
    failure: OpenShare = 0.01  # pyright: ignore[reportAssignmentType]
    budget: Count | None = None

    @staticmethod
    def cases() -> Cases:
        return {"rows": [200]}

    def shared(self, count: int) -> "HighProbability":
        return replace(self, failure=self.failure / count)

    def bound(
        self, graph: FrozenGraph, S: CertifiableSet, spec: LinearSpec, *, outward: bool, noise: Noise | None
    ) -> Bounds:
        """Return the bounds.

        Raises:
            InputError: `noise` is missing, or the tensors are not float64: rounding of projections is not bounded.
            UnsupportedSetError: the set is neither a box nor an l2 ball.
        """
        boxes = self.enclose(graph, S, outward=outward, noise=noise)
        return Bounds(BackwardPass(graph, S, boxes, Parallel(), outward=outward).margins(spec), boxes)

    def enclose(self, graph: FrozenGraph, S: CertifiableSet, *, outward: bool, noise: Noise | None) -> list[Box]:
        if S.start.dtype != torch.float64:
            raise InputError(f"HighProbability needs float64, but the set is {S.start.dtype}: convert set and network.")
        source = stream(S, noise).fold(OWN)
        estimated = [i for i in graph.relaxed if i not in graph.mixed_once]
        boxes, budget = [S.bounding_box()], memory_budget(self.budget, S.start.device, ON_HOST)
        for index in range(1, len(graph.shapes)):
            boxes.append(forward_box(graph, S, boxes, outward=outward))
            if index in estimated:
                failure = self.failure / len(estimated)
                layer = Layer(graph, S, boxes, index, source.fold(index), self.rows, failure, outward)
                boxes[index] = layer.box(budget)
        return boxes


@dataclass(frozen=True)
class Layer:
    """A value with estimated bounds, and the boxes of all values up to it.

    Args:
        graph: the network.
        S: the sets of a batch.
        boxes: the boxes of all values up to this one, whose own is its interval.
        index: the value's number in the graph.
        source: the random numbers of this value.
        rows: the number of projections.
        failure: the probability, per example, that any bound of this value is wrong.
        outward: whether bounds are widened by their rounding errors.
    """

    graph: FrozenGraph
    S: CertifiableSet
    boxes: Sequence[Box]
    index: int
    source: Noise
    rows: int
    failure: float
    outward: bool

    def box(self, budget: int) -> Box:
        """Return the value's box, computed a few examples at a time."""
        interval = self.boxes[self.index]
        loose = self.graph.loose(self.index, interval).flatten(1)
        busy = loose.any(1).nonzero()[:, 0]
        if not len(busy):
            return interval
        width = max(math.prod(shape) for shape in self.graph.shapes[: self.index + 1])
        groups = busy.split(max(1, budget // (AT_ONCE * width * interval.lower.element_size())))
        owner, neuron = loose.nonzero(as_tuple=True)
        lower, upper = torch.cat([self.ends(group, loose[group]) for group in groups]).unbind(1)
        return interval.intersect(replaced(interval, owner, neuron, lower, upper))

    def ends(self, group: Int[Tensor, "g"], loose: Bool[Tensor, "g n"]) -> Float[Tensor, "m 2"]:
        """Return lower and upper bounds of the loose neurons of some examples."""
        owner, neuron = loose.nonzero(as_tuple=True)
        forms = self.forms(group)
        form = next(forms)
        sums = sizes(form, owner, neuron)
        for form in forms:
            sums = {key: sums[key] + size for key, size in sizes(form, owner, neuron).items()}
        failure = (self.failure / (loose.sum(1) * len(sums)).to(form.center))[owner]
        center = form.center.flatten(1)[owner, neuron]
        spread = torch.zeros_like(center) if form.error is None else form.error.flatten(1)[owner, neuron]
        if CAUCHY in sums:
            spread = spread + l1_bound(sums[CAUCHY], self.rows, failure)
        if GAUSSIAN in sums:
            spread = spread + l2_bound(sums[GAUSSIAN], self.rows, failure)
        return torch.stack([center - spread, center + spread], 1)

    def forms(self, group: Int[Tensor, "g"]) -> Iterator[Form]:
        """Yield the value's form once per group of rows, each carried anew from the input."""
        boxes = [Box(box.lower[group], box.upper[group]) for box in self.boxes]
        for part, start in enumerate(range(0, self.rows, AT_ONCE)):
            carrier = Projections(self.S.select(group), min(AT_ONCE, self.rows - start), self.source.fold(part))
            forward = ForwardPass(self.graph, boxes, carrier, self.outward)
            yield [forward.advance(index) for index in range(1, self.index + 1)][-1]


def sizes(form: Form, owner: Tensor, neuron: Tensor) -> dict[int, Float[Tensor, "m"]]:
    """Return, for each neuron, the statistics for bounding its norms: the sum over rows of logarithms or of squares."""
    found = {key: chosen(block, owner, neuron) for key, block in form.blocks.items()}
    return {key: (b.abs().log() if key == CAUCHY else b.square()).sum(1) for key, b in found.items()}
