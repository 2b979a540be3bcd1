"""Boxes of a graph's values by parallel slopes, in either direction, with and without the help of intervals."""

import torch
from jaxtyping import Bool
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.slopes import Parallel
from hauberk.propagation.backward_pass import BackwardPass
from hauberk.propagation.forward_box import backward_boxes, forward_box
from hauberk.propagation.forward_pass import Form, forward_boxes
from hauberk.propagation.generators import AllGenerators
from hauberk.propagation.unit_bounds import tightened


def carried_forward(graph: FrozenGraph, S: CertifiableSet, *, intersect: bool, outward: bool) -> list[Box]:
    """Return the boxes from one pass forward with all generators."""
    carrier = AllGenerators(S)

    def bound(form: Form, interval: Box, loose: Bool[Tensor, "b *z"]) -> Box:
        return carrier.box(form, interval if intersect else boundless(interval), loose)

    return forward_boxes(graph, S, carrier, bound, outward=outward)


def reached_backward(
    graph: FrozenGraph, S: CertifiableSet, budget: int, *, intersect: bool, outward: bool, frugal: bool
) -> list[Box]:
    """Return the boxes from passes back to the input: of the unstable neurons, or without intervals of all."""
    if intersect:
        return backward_boxes(graph, S, Parallel(), budget, outward=outward, frugal=frugal)
    boxes = [S.bounding_box()]
    backward = BackwardPass(graph, S, boxes, Parallel(), outward=outward)
    for index in range(1, len(graph.shapes)):
        boxes.append(forward_box(graph, S, boxes, outward=outward))
        if index in graph.relaxed and index not in graph.mixed_once:
            boxes[index] = boundless(boxes[index])
            every = torch.ones_like(boxes[index].lower, dtype=torch.bool)
            boxes[index] = tightened(backward, index, budget, every, frugal=frugal)
    return boxes


def boundless(box: Box) -> Box:
    """Return a box of the same shape that contains everything."""
    return Box(torch.full_like(box.lower, -torch.inf), torch.full_like(box.upper, torch.inf))
