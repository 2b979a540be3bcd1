"""Linear bounds by backward substitution: Fast-Lin, CROWN, CROWN-IBP."""

import math
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from hauberk.concepts.backward_pass import BackwardPass
from hauberk.concepts.bounder import Bounder, Bounds
from hauberk.concepts.box import Box
from hauberk.concepts.forward_box import forward_box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.rows import Rows
from hauberk.concepts.slopes import Adaptive, Slopes
from hauberk.concepts.specification import LinearSpec


@dataclass(frozen=True)
class BackwardLinear(Bounder):
    """Each row is substituted backwards through linear relaxations to the input.

    Bounds of hidden values come from `intermediate`, or, by default, from backward passes of their own: one row up and
    one down for each unstable neuron of each example (stable ones need none), intersected with interval bounds.
    `BackwardLinear(Interval())` is CROWN-IBP, `BackwardLinear()` CROWN, `BackwardLinear(slopes=Parallel())` Fast-Lin.

    Rows are processed in chunks whose largest tensor takes about `chunk_bytes`.

    Sources: Zhang et al. 2018 (CROWN); Weng et al. 2018 (Fast-Lin); Zhang et al. 2020 (CROWN-IBP).
    """

    intermediate: Bounder | None = None
    slopes: Slopes = field(default_factory=Adaptive)
    chunk_bytes: int = 2**26

    def __call__(self, graph: FrozenGraph, S: CertifiableSet, spec: LinearSpec, *, outward: bool = True) -> Bounds:
        boxes = self.boxes(graph, S, outward=outward)
        return Bounds(BackwardPass(graph, S, boxes, self.slopes, outward=outward).margins(spec), boxes)

    def boxes(self, graph: FrozenGraph, S: CertifiableSet, *, outward: bool = True) -> list[Box]:
        if self.intermediate is not None:
            return self.intermediate.boxes(graph, S, outward=outward)
        boxes = [S.bounding_box()]
        backward = BackwardPass(graph, S, boxes, self.slopes, outward=outward)
        for index, node in enumerate(graph.nodes, start=1):
            boxes.append(forward_box(node, boxes, outward=outward))
            if index in graph.relaxed:
                boxes[index] = self.tightened(backward, index)
        return boxes

    def tightened(self, backward: BackwardPass, index: int) -> Box:
        """Return the box of a value after its unstable neurons have been bounded by backward passes."""
        box = backward.boxes[index]
        found = box.unstable.flatten(1).nonzero()
        if not len(found):
            return box
        width = max(math.prod(shape) for shape in backward.graph.shapes[: index + 1])
        step = max(1, self.chunk_bytes // (2 * width * box.lower.element_size()))
        bounds = [unit_bounds(backward, index, owner, neuron) for owner, neuron in chunks(found, step)]
        lower, upper = (torch.cat(side) for side in zip(*bounds, strict=True))
        where = (found[:, 0], found[:, 1])
        shape = box.lower.shape
        return box.intersect(
            Box(
                box.lower.flatten(1).index_put(where, lower).view(shape),
                box.upper.flatten(1).index_put(where, upper).view(shape),
            )
        )


def chunks(found: Int[Tensor, "r 2"], step: int) -> list[tuple[Tensor, Tensor]]:
    """Return (owners, neurons) in pieces of at most `step` rows."""
    return [(part[:, 0], part[:, 1]) for part in found.split(step)]


def unit_bounds(
    backward: BackwardPass, index: int, owner: Int[Tensor, "r"], neuron: Int[Tensor, "r"]
) -> tuple[Float[Tensor, "r"], Float[Tensor, "r"]]:
    """Return lower and upper bounds of single neurons of a value, one for each owning example."""
    shape = backward.graph.shapes[index]
    unit = torch.zeros(len(owner), math.prod(shape), dtype=backward.boxes[index].lower.dtype, device=owner.device)
    unit[torch.arange(len(owner), device=owner.device), neuron] = 1
    rows = Rows(torch.cat([unit, -unit]).unflatten(1, shape), torch.cat([owner, owner]))
    lower, minus_upper = backward.lower(rows, index).chunk(2)
    return lower, -minus_upper
