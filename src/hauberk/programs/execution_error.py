"""Error bounds of a network's execution against exact arithmetic."""

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.affine import Affine
from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.op import Elementwise
from hauberk.concepts.rounding import rounding_factor, underflow, underflows
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import UnsupportedOpError


def execution_error(graph: FrozenGraph, boxes: list[Box], spec: LinearSpec) -> Float[Tensor, "b k"]:
    """Return the largest difference of each row's value between the network in exact arithmetic and its execution.

    Each affine node adds its own rounding errors to those that it passes on; a piecewise linear function scales them by
    at most the slope of its steepest piece.

    Raises:
        UnsupportedOpError: a node is neither affine nor piecewise linear.
    """
    errors = [torch.zeros_like(boxes[0].lower)]
    for node in graph.nodes:
        given = [errors[i] for i in node.inputs]
        if isinstance(node.op, Affine):
            operands = [boxes[i] for i in node.inputs]
            errors.append(node.op.carried(given, [b.magnitude for b in operands], [b.size for b in operands]))
        elif isinstance(node.op, Elementwise) and node.op.pieces is not None:
            errors.append(given[0] * max(abs(slope) for slope in node.op.pieces.slopes))
        else:
            raise UnsupportedOpError(f"{node.name} ({type(node.op).__name__}) is not piecewise linear.")
    roundings, size, error = spec.rows.shape[2] + 8, boxes[-1].magnitude, errors[-1]
    share = 2 * rounding_factor(roundings, error.dtype)
    logits = error + size * share + underflow(error.dtype)
    total = torch.einsum("bkc,bc->bk", spec.rows.abs(), logits) + spec.offset.abs() * share
    return total + underflows(roundings, [boxes[-1].size], size)
