"""Boxes of a graph's values: single interval steps, and all boxes with backward passes in between."""

from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor

from hauberk.concepts.affine import Affine
from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.rows import Rows
from hauberk.concepts.slopes import Slopes
from hauberk.kernels.memory_budget import memory_budget
from hauberk.propagation.backward_pass import BackwardPass
from hauberk.propagation.unit_bounds import tightened

ON_HOST = 2**26
"""Bytes for the rows of a layer's exact box on a CPU."""


def forward_box(graph: FrozenGraph, S: CertifiableSet, boxes: Sequence[Box], *, outward: bool) -> Box:
    """Return the box of the next value, given the boxes of all values before it.

    Where inputs are mixed for the first time, a set that is not a box bounds every element by its support function;
    from then on, intervals lose as much as on boxes. With `outward`, an affine step is widened by its own rounding
    error and that of the network's execution.
    """
    index, node = len(boxes), graph.nodes[len(boxes) - 1]
    operands = [boxes[i] for i in node.inputs]
    if outward and isinstance(node.op, Affine) and node.op.roundings:
        radius = node.op.carried(
            [b.radius for b in operands], [b.magnitude for b in operands], [b.size for b in operands]
        )
        box = Box.around(node.op(*(b.center for b in operands)), radius)
    else:
        box = node.op.interval(*operands)
    if S.is_box or index not in graph.first_mixing or not isinstance(node.op, Affine):
        return box
    backward = BackwardPass(graph, S, [*boxes, box], None, outward=outward)
    return tightened(backward, index, budget(graph, index, box.lower), torch.ones_like(box.lower, dtype=torch.bool))


def budget(graph: FrozenGraph, index: int, like: Tensor) -> int:
    """Return the budget of passes from a value to what it is computed from, whose rows may be much smaller than maps.

    A support function holds about eight times what rows of a linear pass do.
    """
    usual = memory_budget(None, like.device, ON_HOST)
    node, shapes = graph.nodes[index - 1], graph.shapes
    first = torch.zeros(1, dtype=torch.int64, device=like.device)
    rows = Rows.units(first, first, shapes[index], like.detach())
    if rows.window is None or not isinstance(node.op, Affine):
        return usual
    found = node.op.pull_back_windows(rows.values, rows.window, [shapes[i] for i in node.inputs])
    if found is None or any(window.reaches_most() for _, window in found):
        return usual
    width = max(values.numel() for values in (rows.values, *(values for values, _ in found)))
    return usual * max(1, max(map(prod, shapes[: index + 1])) // (8 * width))


def backward_boxes(
    graph: FrozenGraph, S: CertifiableSet, slopes: Slopes, budget: int, *, outward: bool, frugal: bool
) -> list[Box]:
    """Return the boxes of all values: interval steps, with backward passes for the neurons that a node relaxes."""
    boxes = [S.bounding_box()]
    backward = BackwardPass(graph, S, boxes, slopes, outward=outward)
    for index in range(1, len(graph.shapes)):
        boxes.append(forward_box(graph, S, boxes, outward=outward))
        if index in graph.relaxed and index not in graph.mixed_once:
            loose = graph.loose(index, boxes[index])
            boxes[index] = tightened(backward, index, budget, loose, frugal=frugal)
    return boxes


def loose_neurons(graph: FrozenGraph, S: CertifiableSet) -> float:
    """Return the mean number of hidden neurons that intervals leave unstable, so that backward passes bound them."""
    boxes, found = [S.bounding_box()], 0.0
    for index in range(1, len(graph.shapes)):
        boxes.append(forward_box(graph, S, boxes, outward=False))
        if index in graph.relaxed and index not in graph.mixed_once:
            found += float(graph.loose(index, boxes[index]).sum()) / len(S.start)
    return found
