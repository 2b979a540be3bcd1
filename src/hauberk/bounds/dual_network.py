"""The dual network of the convex outer polytope, carried in whichever direction is cheaper."""

from dataclasses import dataclass
from math import prod

from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.kernels.memory_budget import memory_budget
from hauberk.propagation.dual_bounder import DualBounder
from hauberk.propagation.dual_boxes import carried_forward, reached_backward
from hauberk.ranges import Count

FEW = 5
"""Rows are carried forward if the narrowest relaxed value is at least this many times wider than the input."""


@dataclass(frozen=True)
class DualNetwork(DualBounder):
    """Linear bounds with parallel slopes: the exact bounds of the dual network.

    Forward, one row for every input and every unstable neuron so far takes one step per layer; backward, one row for
    every unstable neuron of a layer goes back to the input. Forward wins only with few inputs: on a 2-100-100-100-100-2
    network it takes a third to a half of the time; with 20 inputs and layers of 50 both take equally long; with 784
    inputs it takes twenty times as long.

    Args:
        budget: as in `BackwardLinear`.
        frugal: as in `BackwardLinear`.
        intersect: whether hidden bounds are intersected with intervals. False: they are those of the dual network
            alone, as published; backward, this takes a row for every neuron, stable or not: six times as long on a
            small convolutional network trained by the polytope. None: both ways, one after the other, and the better
            margin of each row. Training pays for both as well, so choose True there, which costs one pass.

    Sources: Wong & Kolter 2018, algorithm 1; Wong et al. 2018, algorithm 2 (AutoDual).
    """

    budget: Count | None = None
    frugal: bool = False
    intersect: bool | None = None

    def one_way(self, graph: FrozenGraph, S: CertifiableSet, *, intersect: bool, outward: bool) -> list[Box]:
        width = min((prod(graph.shapes[i]) for i in graph.relaxed), default=0)
        if FEW * prod(graph.shapes[0]) <= width:
            return carried_forward(graph, S, intersect=intersect, outward=outward)
        budget = memory_budget(self.budget, S.start.device)
        return reached_backward(graph, S, budget, intersect=intersect, outward=outward, frugal=self.frugal)
