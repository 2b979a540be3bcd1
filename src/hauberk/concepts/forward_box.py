"""One step of interval arithmetic."""

from collections.abc import Sequence

import torch

from hauberk.concepts.backward_pass import BackwardPass
from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.op import Affine, rounding_factor
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.unit_bounds import tightened

BUDGET = 2**26


def forward_box(graph: FrozenGraph, S: CertifiableSet, boxes: Sequence[Box], *, outward: bool) -> Box:
    """Return a box around the images of the boxes of all values so far under the node that computes the next one.

    Where inputs are mixed for the first time, a set that is no box bounds every element by its support function: from
    then on, intervals lose what they lose on boxes. With `outward` an affine step is widened by its own rounding error
    and that of the network's execution.
    """
    index, node = len(boxes), graph.nodes[len(boxes) - 1]
    operands = [boxes[i] for i in node.inputs]
    box = node.op.interval(*operands)
    if outward and isinstance(node.op, Affine):
        terms = node.op.terms(*(operand.magnitude for operand in operands))
        box = box.widened(terms * (2 * rounding_factor(node.op.roundings + 8, terms.dtype)))
    if S.is_box or index not in graph.first_mixing or not isinstance(node.op, Affine):
        return box
    backward = BackwardPass(graph, S, [*boxes, box], None, outward=outward)
    return tightened(backward, index, BUDGET, torch.ones_like(box.lower, dtype=torch.bool))
