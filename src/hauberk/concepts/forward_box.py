"""One step of interval arithmetic."""

from collections.abc import Sequence

from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenNode
from hauberk.concepts.op import Affine, rounding_factor


def forward_box(node: FrozenNode, boxes: Sequence[Box], *, outward: bool) -> Box:
    """Return a box around the node's images of the boxes of all values so far.

    With `outward` an affine step is widened by its own rounding error and that of the network's execution.
    """
    operands = [boxes[i] for i in node.inputs]
    box = node.op.interval(*operands)
    if not outward or not isinstance(node.op, Affine):
        return box
    terms = node.op.terms(*(operand.magnitude for operand in operands))
    return box.widened(terms * (2 * rounding_factor(node.op.roundings + 8, terms.dtype)))
