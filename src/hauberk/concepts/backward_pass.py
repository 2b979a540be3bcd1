"""Substitution of linear bounds from a value of a graph back towards its input."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from hauberk.concepts.box import Box
from hauberk.concepts.graph import FrozenGraph
from hauberk.concepts.op import Affine, Elementwise, Relaxation, rounding_factor
from hauberk.concepts.perturbation_set import CertifiableSet
from hauberk.concepts.rows import Rows
from hauberk.concepts.slopes import Slopes
from hauberk.concepts.specification import LinearSpec
from hauberk.errors import UnsupportedOpError


class BackwardPass:
    """Lower bounds of rows over a set, given boxes of the values that are relaxed on the way.

    Rows pass affine nodes exactly. With slopes they pass element-wise nodes by their relaxation and end at the input,
    at the set's support function; without slopes they end at the first non-affine nodes, at those values' boxes.

    A pass over r rows costs about r / b transposed forward passes and holds the rows of two values at a time.
    """

    def __init__(
        self, graph: FrozenGraph, S: CertifiableSet, boxes: Sequence[Box], slopes: Slopes | None, *, outward: bool
    ) -> None:
        """`boxes` are those of the values, the input first; the list may still grow beyond what rows pass through."""
        self.graph, self.S, self.boxes, self.slopes, self.outward = graph, S, boxes, slopes, outward
        self.relaxations: dict[int, Relaxation] = {}
        self.magnitudes: dict[int, Tensor] = {}

    def margins(self, spec: LinearSpec) -> Float[Tensor, "b k"]:
        """Return a lower bound of every row of a specification of the logits."""
        return self.lower(Rows.uniform(spec.rows), len(self.graph.nodes), spec.offset.flatten()).view(spec.offset.shape)

    def lower(self, rows: Rows, at: int, constant: Float[Tensor, "r"] | None = None) -> Float[Tensor, "r"]:
        """Return a lower bound of <row, value `at`> + constant over the set, for every row."""
        dtype = rows.values.dtype
        total = rows.values.new_zeros(len(rows.values)) if constant is None else constant
        total = total.double() if self.outward else total
        pending = {at: rows}
        for index in range(at, -1, -1):
            if (rows := pending.pop(index, None)) is None:  # pyright: ignore[reportAssignmentType]
                continue
            if self.outward:
                total = total - self.allowance(index, dtype) * rows.with_values(rows.values.abs()).dot(
                    self.magnitude(index), total.dtype
                )
            if index == 0:
                total = total - self.support(rows)
                continue
            node = self.graph.nodes[index - 1]
            if isinstance(node.op, Affine):
                shapes = [self.graph.shapes[i] for i in node.inputs]
                total = total + rows.dot(node.op.offset(shapes, rows.values), total.dtype)
                pulled = node.op.pull_back(rows.values, shapes)
            elif self.slopes is None:
                box = self.boxes[index]
                total = total + rows.dot(box.center, total.dtype)
                total = total - rows.with_values(rows.values.abs()).dot(box.radius, total.dtype)
                continue
            else:
                values, intercepts = relaxed(rows, self.relaxation(index), total.dtype)
                total, pulled = total + intercepts, (values,)
            for i, values in zip(node.inputs, pulled, strict=True):
                values = values + pending[i].values if i in pending else values
                pending[i] = rows.with_values(values)
        return torch.nextafter(total.to(dtype), total.new_tensor(-torch.inf, dtype=dtype)) if self.outward else total

    def support(self, rows: Rows) -> Float[Tensor, "r"]:
        """Return max of -<row, z> over the set, for every row."""
        if rows.per_example is None:
            return self.S.select(rows.owner).support_function(-rows.values[:, None])[:, 0]
        return self.S.support_function(-rows.values.unflatten(0, (-1, rows.per_example))).flatten()

    def relaxation(self, index: int) -> Relaxation:
        """Return the relaxation of the node that computes this value."""
        if index not in self.relaxations:
            node = self.graph.nodes[index - 1]
            if not isinstance(node.op, Elementwise) or self.slopes is None:
                raise UnsupportedOpError(f"no linear relaxation is known for {node.name} ({type(node.op).__name__}).")
            self.relaxations[index] = self.slopes(node.op, self.boxes[node.inputs[0]])
        return self.relaxations[index]

    def magnitude(self, index: int) -> Float[Tensor, "b ..."]:
        """Return a bound of the sums of absolute terms that computing this value, or a bound of it, goes through."""
        if index not in self.magnitudes:
            self.magnitudes[index] = self.terms(index)
        return self.magnitudes[index]

    def terms(self, index: int) -> Float[Tensor, "b ..."]:
        if index == 0:
            return self.boxes[0].magnitude
        node = self.graph.nodes[index - 1]
        inputs = [self.boxes[i].magnitude for i in node.inputs]
        if isinstance(node.op, Affine):
            return node.op.terms(*inputs)
        return self.boxes[index].magnitude if self.slopes is None else self.relaxation(index).magnitude(inputs[0])

    def allowance(self, index: int, dtype: torch.dtype) -> float:
        """Return the share of its magnitude by which a value may be off.

        Twice: once for the bound's own arithmetic, once for the network's when it runs in this precision. Inner
        products are summed in float64, which adds roundings only to bounds in that precision.
        """
        op = self.graph.nodes[index - 1].op if index else None
        size = self.boxes[index].lower[0].numel() if index == 0 or dtype == torch.float64 else 0
        return 2 * rounding_factor((op.roundings if isinstance(op, Affine) else 0) + size + 8, dtype)


def relaxed(rows: Rows, lines: Relaxation, dtype: torch.dtype) -> tuple[Float[Tensor, "r *z"], Float[Tensor, "r"]]:
    """Return the rows behind an element-wise node, each element on the line that bounds it, and their constants."""
    positive = rows.with_values(rows.values.clamp(min=0))
    negative = rows.with_values(rows.values.clamp(max=0))
    constant = negative.dot(lines.upper_intercept, dtype)
    if lines.lower_intercept is not None:
        constant = constant + positive.dot(lines.lower_intercept, dtype)
    return positive.times(lines.lower_slope) + negative.times(lines.upper_slope), constant
