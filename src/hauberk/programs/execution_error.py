"""Error bounds of a network's execution against exact arithmetic."""

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.affine import Affine
from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.op import Elementwise
from hauberk.concepts.rounding import rounding_factor
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import UnsupportedOpError


def execution_error(graph: FrozenGraph, boxes: list[Box], spec: LinearSpec) -> Float[Tensor, "b k"]:
    """Return the largest difference of each row's value between the network in exact arithmetic and its execution.

    Each affine node adds its own rounding errors to those that it passes on, products that underflow among them; a
    piecewise linear function scales them by at most the slope of its steepest piece.

    Raises:
        UnsupportedOpError: a node is neither affine nor piecewise linear.
    """
    errors, tiny = [torch.zeros_like(boxes[0].lower)], torch.finfo(boxes[0].lower.dtype).tiny
    for node in graph.nodes:
        given = [errors[i] for i in node.inputs]
        if isinstance(node.op, Affine):
            sizes = [boxes[i].magnitude for i in node.inputs]
            share = 2 * rounding_factor(node.op.roundings + 8, given[0].dtype)
            lost = (node.op.roundings + 8) * tiny * (1 + max(size.amax() for size in sizes))
            errors.append(node.op.carried(given, sizes, share) + lost)
        elif isinstance(node.op, Elementwise) and node.op.pieces is not None:
            errors.append(given[0] * max(abs(slope) for slope in node.op.pieces.slopes))
        else:
            raise UnsupportedOpError(f"{node.name} ({type(node.op).__name__}) is not piecewise linear.")
    share = 2 * rounding_factor(spec.rows.shape[2] + 8, errors[-1].dtype)
    logits = errors[-1] + boxes[-1].magnitude * share
    return torch.einsum("bkc,bc->bk", spec.rows.abs(), logits) + spec.offset.abs() * share
